from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class StackEvent:
    """One event of a stack.

    Attributes:
        event_id: CloudFormation's id of the event.
        stack_id: ARN of the stack.
        time: When it happened, with zone.
        logical_id: The resource's name in the template, or the stack's own name.
        type: Resource type.
        status: Status that began, for example CREATE_COMPLETE.
        reason: CloudFormation's sentence, often empty.
        physical_id: The resource's id in AWS, as far as known.
    """

    event_id: str
    stack_id: str
    time: datetime
    logical_id: str
    type: str
    status: str
    reason: str = ""
    physical_id: str = ""

    @classmethod
    def from_api(cls, event: Mapping[str, Any]) -> StackEvent:
        """Reads one entry of DescribeStackEvents."""
        return cls(
            event_id=event["EventId"],
            stack_id=event["StackId"],
            time=event["Timestamp"],
            logical_id=event["LogicalResourceId"],
            type=event["ResourceType"],
            status=event["ResourceStatus"],
            reason=event.get("ResourceStatusReason") or "",
            physical_id=event.get("PhysicalResourceId") or "",
        )

    @property
    def is_stack(self) -> bool:
        """Whether the event speaks of the stack itself."""
        return self.physical_id == self.stack_id

    @property
    def is_start(self) -> bool:
        """Whether it begins an operation that a person or the pipeline asked for."""
        return (
            self.is_stack
            and self.status in {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}
            and self.reason in {"", "User Initiated"}
        )

    @property
    def is_over(self) -> bool:
        """Whether the resource or stack has come to rest."""
        return not self.status.endswith("_IN_PROGRESS")

    @property
    def is_failure(self) -> bool:
        """Whether something failed by itself, not because something else had failed before."""
        return self.status.endswith("_FAILED") and "cancelled" not in self.reason.lower()

    @property
    def is_undo(self) -> bool:
        """Whether it belongs to a roll-back."""
        return "ROLLBACK" in self.status

    def to_dict(self) -> dict[str, str]:
        """Returns the event as plain data for `--output json`."""
        return {
            "time": self.time.isoformat(),
            "logical_id": self.logical_id,
            "type": self.type,
            "status": self.status,
            "reason": self.reason,
            "physical_id": self.physical_id,
        }
