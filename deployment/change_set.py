from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from deployment.aws import Aws
from deployment.aws_advice import error_code, error_message, is_transient
from deployment.change_set_request import ChangeSetRequest
from deployment.clock import Clock
from deployment.errors import AwsRefusedError
from deployment.resource_change import ResourceChange
from deployment.stack_state import StackState

POLL_SECONDS = 2.0
# Early validation of a large template takes minutes at worst.
MAX_WAIT_SECONDS = 900.0
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


class ChangeSet:
    """A change set of one stack: made, read, and then executed or discarded.

    Whatever fails or is not executed is removed, with the empty stack that CloudFormation makes
    for a creation.

    Args:
        aws: Account and region.
        request: What the change set is made of.
        clock: Time.
    """

    def __init__(self, aws: Aws, request: ChangeSetRequest, clock: Clock | None = None) -> None:
        self._cloudformation = aws.client("cloudformation")
        self._aws = aws
        self._clock = clock or Clock()
        self.request = request
        self.name = f"generate-{self._clock.now():%Y%m%d-%H%M%S-%f}"
        self.arn = ""
        self.stack_id = ""

    def create(self) -> bool:
        """Makes the change set and waits until CloudFormation has worked it out.

        Returns:
            False when nothing changes; the change set is then removed already.

        Raises:
            AwsRefusedError: CloudFormation rejected the template or its values, with what its
                early validation found.
        """
        try:
            answer = self._cloudformation.create_change_set(
                ChangeSetName=self.name, ClientToken=self.name, **self.request.to_api()
            )
        except ClientError as error:
            if _says_unchanged(error_message(error)):
                return False
            raise
        self.arn, self.stack_id = answer["Id"], answer["StackId"]
        try:
            state = self._wait()
        except BaseException:
            self.discard()
            raise
        if state["Status"] != "FAILED":
            return True
        reason = state.get("StatusReason", "")
        unchanged = _says_unchanged(reason)
        findings = () if unchanged else self._validation_findings()
        self.discard()
        if unchanged:
            return False
        raise AwsRefusedError(
            f"CloudFormation rejects the change to {self.request.stack_name}: {reason}",
            where=f"change set {self.name} (removed again)",
            remedy="correct the template or the values named, then run the command again",
            detail=findings,
        )

    def changes(self) -> tuple[ResourceChange, ...]:
        """Returns what the change set does to resources, with values before and after."""
        return tuple(
            ResourceChange.from_change(change["ResourceChange"])
            for page in self._pages(IncludePropertyValues=True)
            for change in page.get("Changes", ())
            if "ResourceChange" in change
        )

    def parameters(self, in_use: Mapping[str, str]) -> dict[str, str]:
        """Returns the parameter values that the stack would have; a NoEcho one reads "****".

        Args:
            in_use: Values of the deployed stack, for those that stay.
        """
        page = next(self._pages())
        return {
            entry["ParameterKey"]: entry.get(
                "ParameterValue", in_use.get(entry["ParameterKey"], "")
            )
            for entry in page.get("Parameters", ())
        }

    def execute(self, token: str) -> None:
        """Starts applying the change set.

        Args:
            token: Idempotency token, so that a repeated call starts nothing twice.
        """
        self._cloudformation.execute_change_set(ChangeSetName=self.arn, ClientRequestToken=token)

    def discard(self) -> None:
        """Removes the change set, and the stack if it holds nothing but change sets' names."""
        self._cloudformation.delete_change_set(ChangeSetName=self.arn)
        if not self.request.is_new:
            return
        state = StackState.read(self._aws, self.stack_id)
        if state is None or not state.is_review or self._others():
            return
        self._cloudformation.delete_stack(StackName=self.stack_id)

    def _others(self) -> bool:
        """Whether somebody else's change set waits in the same empty stack."""
        answer = self._cloudformation.list_change_sets(StackName=self.stack_id)
        return any(
            summary["ChangeSetId"] != self.arn and not summary["Status"].startswith("DELETE")
            for summary in answer.get("Summaries", ())
        )

    def _wait(self) -> dict[str, Any]:
        deadline = self._clock.monotonic() + MAX_WAIT_SECONDS
        while self._clock.monotonic() < deadline:
            try:
                state: dict[str, Any] = self._cloudformation.describe_change_set(
                    ChangeSetName=self.arn
                )
            except Exception as error:
                if not is_transient(error):
                    raise
            else:
                if state["Status"] in {"CREATE_COMPLETE", "FAILED"}:
                    return state
            self._clock.sleep(POLL_SECONDS)
        raise AwsRefusedError(
            f"change set {self.name} is not ready after {MAX_WAIT_SECONDS / 60:.0f} minutes",
            where=self.request.stack_name,
            remedy="run the command again; if it stays so, look at the stack in the console",
        )

    def _pages(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            page: dict[str, Any] = self._cloudformation.describe_change_set(
                ChangeSetName=self.arn, **arguments, **token
            )
            yield page
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def _validation_findings(self) -> tuple[str, ...]:
        """Early validation tells its findings as events, not in the change set's reason."""
        try:
            answer = self._cloudformation.describe_events(
                ChangeSetName=self.arn, Filters={"FailedEvents": True}
            )
        except ClientError as error:
            # An older partition, or a role that may not: the reason itself must do.
            return (f"(details not available: {error_code(error)})",)
        return tuple(_finding(event) for event in answer.get("OperationEvents", ()))


def _says_unchanged(reason: str) -> bool:
    return any(phrase in reason for phrase in _NO_CHANGES)


def _finding(event: dict[str, Any]) -> str:
    resource = event.get("LogicalResourceId", "")
    place = f"{resource} {event.get('ValidationPath', '')}".strip()
    reason = event.get("ValidationStatusReason") or event.get("ResourceStatusReason") or ""
    name = event.get("ValidationName", "")
    return ": ".join(part for part in (place, f"{reason} [{name}]" if name else reason) if part)
