from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class StatusRow:
    """One line of the status table.

    Attributes:
        kind: What it is: stack, stage, instance, image or discovery.
        name: Its name or id.
        state: Its state, as its service spells it.
        detail: What else a person wants to know.
        well: Whether it is as it should be.
    """

    kind: str
    name: str
    state: str
    detail: str = ""
    well: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Returns the row as plain data for `--output json`."""
        return asdict(self)
