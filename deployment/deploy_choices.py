from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class DeployChoices:
    """How a deployment goes about its work, as opposed to what it deploys.

    Attributes:
        yes: Whether it asks nobody.
        execute: Whether the change set is executed; otherwise it is left waiting.
        recreate: Whether a stack that can only be deleted is deleted first.
        rollback_to: Tag or digest of an earlier image to deploy with the deployed template.
        outputs_file: Where the stack's outputs go as JSON.
        timeline_file: Where the timeline goes as SVG.
        preflight: Whether the account is checked first.
        protect: Whether termination protection is switched on afterwards.
    """

    yes: bool = False
    execute: bool = True
    recreate: bool = False
    rollback_to: str | None = None
    outputs_file: Path | None = None
    timeline_file: Path | None = None
    preflight: bool = True
    protect: bool = False
