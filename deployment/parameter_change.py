from __future__ import annotations

from dataclasses import dataclass

from deployment.property_change import NO_ECHO


@dataclass(frozen=True)
class ParameterChange:
    """A change to a parameter's value.

    Attributes:
        key: Parameter name.
        before: Value now; None for a new parameter.
        after: Value to come; None for one that goes.
    """

    key: str
    before: str | None
    after: str | None

    @property
    def is_hidden(self) -> bool:
        """Whether the value is secret, so that nobody can say if it differs."""
        return NO_ECHO in (self.before, self.after)
