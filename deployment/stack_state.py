from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from deployment.aws import Aws
from deployment.aws_advice import error_code, error_message

# A stack in one of these never held what its template says; only deleting it leads on.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
BROKEN = {
    "ROLLBACK_COMPLETE": "its creation failed and was rolled back, so it can only be deleted",
    "ROLLBACK_FAILED": "its creation failed and so did the roll-back",
    "CREATE_FAILED": "its creation failed and what was made is kept",
    "DELETE_FAILED": "its deletion stopped half way",
}


@dataclass(frozen=True)
class StackState:
    """What CloudFormation says of a stack.

    Attributes:
        name: Stack name.
        stack_id: ARN; it stays valid after the stack is deleted.
        status: CloudFormation's status, for example UPDATE_COMPLETE.
        reason: Its sentence for the status, often empty.
        parameters: Values in use; a NoEcho value reads "****".
        outputs: Output values by name.
        tags: Tags of the stack.
        protected: Whether termination protection is on.
        changed: When it was last created or updated.
    """

    name: str
    stack_id: str
    status: str
    reason: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    protected: bool = False
    changed: datetime | None = None

    @classmethod
    def read(cls, aws: Aws, name: str) -> StackState | None:
        """Asks for a stack.

        Args:
            aws: Account and region.
            name: Name, or ARN to find deleted stacks too.

        Returns:
            The state, or None where there is no such stack.
        """
        try:
            answer = aws.client("cloudformation").describe_stacks(StackName=name)
        except ClientError as error:
            if error_code(error) == "ValidationError" and "does not exist" in error_message(error):
                return None
            raise
        state = cls.from_description(answer["Stacks"][0])
        return None if state.status == "DELETE_COMPLETE" and name == state.name else state

    @classmethod
    def from_description(cls, stack: Mapping[str, Any]) -> StackState:
        """Reads one entry of DescribeStacks."""
        return cls(
            name=stack["StackName"],
            stack_id=stack["StackId"],
            status=stack["StackStatus"],
            reason=stack.get("StackStatusReason", ""),
            parameters={
                entry["ParameterKey"]: entry.get("ParameterValue", "")
                for entry in stack.get("Parameters", ())
            },
            outputs={
                entry["OutputKey"]: entry.get("OutputValue", "")
                for entry in stack.get("Outputs", ())
            },
            tags={entry["Key"]: entry["Value"] for entry in stack.get("Tags", ())},
            protected=bool(stack.get("EnableTerminationProtection", False)),
            changed=stack.get("LastUpdatedTime") or stack.get("CreationTime"),
        )

    @property
    def is_review(self) -> bool:
        """Whether the stack is only a name that a change set was made for: it holds nothing."""
        return self.status == "REVIEW_IN_PROGRESS"

    @property
    def in_progress(self) -> bool:
        """Whether an operation is under way."""
        return self.status.endswith("_IN_PROGRESS") and not self.is_review

    @property
    def broken(self) -> str:
        """Why the stack cannot be updated but only deleted; empty when it can be updated."""
        return BROKEN.get(self.status, "")
