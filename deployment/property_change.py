from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployment.ascii_mask import same_after_mask

NO_ECHO = "****"
UNKNOWN_UNTIL_APPLIED = "{{changeSet:KNOWN_AFTER_APPLY}}"
_RECREATION_ORDER = ("Never", "Conditionally", "Always")


@dataclass(frozen=True)
class PropertyChange:
    """A change to one property of a resource, as a change set tells it.

    Attributes:
        path: Where in the resource, for example Properties/Tags/0/Value.
        before: Value now as text; None where there is none or AWS does not say.
        after: Value to come as text; None where there is none or AWS does not say.
        recreation: Whether it replaces the resource: Never, Conditionally or Always.
        cause: The parameter or resource whose change causes this one; empty when the template
            itself changed here.
    """

    path: str
    before: str | None = None
    after: str | None = None
    recreation: str = "Never"
    cause: str = ""

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> PropertyChange:
        """Reads one entry of a ResourceChange's Details."""
        target = detail.get("Target", {})
        attribute = target.get("Attribute", "")
        path = (target.get("Path") or target.get("Name") or "").strip("/")
        if not path.startswith(attribute):
            path = f"{attribute}/{path}".strip("/")
        return cls(
            path=path,
            before=target.get("BeforeValue"),
            after=target.get("AfterValue"),
            recreation=target.get("RequiresRecreation", "Never"),
            cause=detail.get("CausingEntity", ""),
        )

    @property
    def is_hidden(self) -> bool:
        """Whether the values are secret, so that nobody can say if they differ."""
        return NO_ECHO in (self.before, self.after)

    @property
    def is_real(self) -> bool:
        """Whether the values are known to differ, or may differ after it is applied."""
        if self.is_hidden:
            return False
        if self.before is None or self.after is None:
            return True
        return not same_after_mask(self.before, self.after)

    def merged_with(self, other: PropertyChange) -> PropertyChange:
        """Returns what two details about one path say together: values, worst effect, cause."""
        worst = max(self.recreation, other.recreation, key=_RECREATION_ORDER.index)
        return PropertyChange(
            path=self.path,
            before=self.before if self.before is not None else other.before,
            after=self.after if self.after is not None else other.after,
            recreation=worst,
            cause=self.cause or other.cause,
        )
