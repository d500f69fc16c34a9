from __future__ import annotations

from dataclasses import dataclass

from deployment.change_set import ChangeSet
from deployment.deploy_settings import DeploySettings
from deployment.difference import Difference
from deployment.stack_state import StackState


@dataclass(frozen=True)
class DeploymentPlan:
    """What a deployment would do, worked out by CloudFormation and not begun.

    Attributes:
        settings: What was asked.
        state: The stack as it is; None where there is none.
        change_set: The change set that waits; None when nothing changes.
        difference: What it changes.
        notes: Sentences for the reader.
    """

    settings: DeploySettings
    state: StackState | None
    change_set: ChangeSet | None
    difference: Difference
    notes: tuple[str, ...] = ()
