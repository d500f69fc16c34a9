from __future__ import annotations

from deployment.aws import Aws
from deployment.clock import Clock
from deployment.errors import AwsRefusedError, FindingsError
from deployment.operation_outcome import OperationOutcome
from deployment.output import Output
from deployment.stack_operator import StackOperator, failure_of
from deployment.stack_state import StackState


class StackRemover:
    """Deletes stacks.

    Args:
        aws: Account and region.
        output: Where words go.
        clock: Time.
    """

    def __init__(self, aws: Aws, output: Output, clock: Clock | None = None) -> None:
        self._aws = aws
        self._output = output
        self._operator = StackOperator(aws, output, clock)

    def remove(self, state: StackState, *, yes: bool, unprotect: bool = False) -> OperationOutcome:
        """Deletes a stack and follows it to its end.

        Args:
            state: The stack.
            yes: Whether nobody is asked.
            unprotect: Whether termination protection may be taken off.

        Raises:
            AwsRefusedError: It is protected, or something is under way.
            DeploymentFailedError: Something could not be deleted.
        """
        if state.in_progress:
            raise AwsRefusedError(
                f"{state.name} is {state.status}: one operation at a time",
                remedy=f"wait for it: generate.py watch {state.name}",
            )
        if state.protected and not unprotect:
            raise AwsRefusedError(
                f"{state.name} has termination protection, which is never taken off silently",
                where="termination protection",
                remedy="give --disable-termination-protection if it really is to go",
            )
        self._confirm(state, yes=yes)
        if state.protected:
            self._aws.client("cloudformation").update_termination_protection(
                StackName=state.name, EnableTerminationProtection=False
            )
            self._output.warn(f"termination protection of {state.name} is off now")
        outcome = self._operator.delete(state)
        if not outcome.succeeded:
            raise failure_of(outcome, state.name)
        return outcome

    def kept(self, state: StackState) -> list[str]:
        """Returns the resources that a deletion leaves behind, as type and id.

        They are those with DeletionPolicy Retain: somebody has to know that they still cost.
        """
        pages = self._aws.client("cloudformation").get_paginator("list_stack_resources")
        return [
            f"{resource['ResourceType']} {resource['PhysicalResourceId']}"
            for page in pages.paginate(StackName=state.stack_id)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceStatus"] == "DELETE_SKIPPED"
        ]

    def _confirm(self, state: StackState, *, yes: bool) -> None:
        if yes or self._output.confirm(
            f"Delete {state.name} ({state.status}) in {self._aws.region}?"
        ):
            return
        raise FindingsError(
            "not deleted: the answer was no", where=state.name, remedy="nothing to do"
        )
