from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployment.ascii_mask import same_after_mask

# A change set speaks of resources only; these sections change what people see and may enter.
SECTIONS = ("Parameters", "Rules", "Mappings", "Conditions", "Outputs")


@dataclass(frozen=True)
class SectionChange:
    """A change to an entry of the template outside its resources.

    Attributes:
        section: Template section, for example Outputs.
        key: Name of the entry.
        before: Entry now as compact JSON; None for a new one.
        after: Entry to come as compact JSON; None for one that goes.
    """

    section: str
    key: str
    before: str | None
    after: str | None

    @property
    def action(self) -> str:
        """Add, Modify or Remove."""
        if self.before is None:
            return "Add"
        return "Remove" if self.after is None else "Modify"


def compare_sections(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[SectionChange]:
    """Returns what differs between two templates outside their resources.

    Args:
        before: Deployed template; empty for a new stack.
        after: Template to come.
    """
    changes = []
    for section in SECTIONS:
        old, new = before.get(section) or {}, after.get(section) or {}
        for key in sorted({*old, *new}):
            old_text = _compact(old[key]) if key in old else None
            new_text = _compact(new[key]) if key in new else None
            if old_text is None or new_text is None or not same_after_mask(old_text, new_text):
                changes.append(SectionChange(section, key, old_text, new_text))
    return changes


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
