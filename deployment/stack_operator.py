from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from deployment.aws import Aws
from deployment.bar_view import BarView
from deployment.clock import Clock
from deployment.deployment_plan import DeploymentPlan
from deployment.errors import CommandError, DeploymentFailedError, WatchInterruptedError
from deployment.failure_advice import advise_failure
from deployment.line_view import LineView
from deployment.operation_outcome import OperationOutcome
from deployment.operation_view import OperationView
from deployment.operation_watcher import OperationWatcher
from deployment.output import Output
from deployment.patience import Patience
from deployment.stack_event import StackEvent
from deployment.stack_events import StackEvents
from deployment.stack_logs import StackLogs
from deployment.stack_state import StackState

LOG_LINES = 20
# Instances write before the failure that they cause becomes a stack event.
LOG_LEAD = timedelta(minutes=20)


class StackOperator:
    """Starts operations on stacks and follows them to their end.

    Args:
        aws: Account and region.
        output: Where progress goes.
        clock: Time.
    """

    def __init__(self, aws: Aws, output: Output, clock: Clock | None = None) -> None:
        self._aws = aws
        self._output = output
        self._clock = clock or Clock()

    def execute(self, plan: DeploymentPlan) -> OperationOutcome:
        """Applies a plan's change set.

        Raises:
            WatchInterruptedError: Ctrl-C; the operation goes on in AWS.
        """
        assert plan.change_set is not None, "a plan without a change set has nothing to execute"
        events = StackEvents(self._aws, plan.change_set.stack_id)
        events.skip_to_now()
        plan.change_set.execute(plan.change_set.name)
        verb = "Creating" if plan.difference.is_new else "Updating"
        name = plan.settings.stack_name
        return self._watch(
            name,
            plan.change_set.stack_id,
            events,
            title=f"{verb} {name}",
            total=len(plan.difference.resources),
        )

    def delete(self, state: StackState) -> OperationOutcome:
        """Deletes a stack.

        Raises:
            WatchInterruptedError: Ctrl-C; the deletion goes on in AWS.
        """
        events = StackEvents(self._aws, state.stack_id)
        events.skip_to_now()
        self._aws.client("cloudformation").delete_stack(StackName=state.stack_id)
        return self._watch(
            state.name, state.stack_id, events, title=f"Deleting {state.name}", total=None
        )

    def resume(self, state: StackState) -> OperationOutcome:
        """Follows the operation that is under way.

        Raises:
            WatchInterruptedError: Ctrl-C; the operation goes on in AWS.
        """
        events = StackEvents.of_running_operation(self._aws, state.stack_id)
        return self._watch(
            state.name, state.stack_id, events, title=f"{state.name}: {state.status}", total=None
        )

    def _watch(
        self, name: str, stack_id: str, events: StackEvents, *, title: str, total: int | None
    ) -> OperationOutcome:
        resume = f"generate.py watch {name} --region {self._aws.region}"
        try:
            with self._view(title, total) as view:
                watcher = OperationWatcher(
                    self._aws,
                    stack_id,
                    events,
                    view,
                    Patience(self._clock, view.trouble, resume),
                    fetch_logs=lambda event: self._logs(stack_id, event),
                    clock=self._clock,
                )
                return watcher.watch()
        except KeyboardInterrupt as interrupt:
            raise WatchInterruptedError(
                f"stopped watching; AWS goes on with it ({title})",
                where=name,
                remedy=f"watch again: {resume}; stop an update: aws cloudformation "
                f"cancel-update-stack --stack-name {name}",
            ) from interrupt

    @contextmanager
    def _view(self, title: str, total: int | None) -> Iterator[OperationView]:
        if self._output.err.is_terminal:
            with BarView(self._output.err, title, total).shown() as view:
                yield view
        else:
            self._output.note(title)
            yield LineView(self._output.err)

    def _logs(self, stack_id: str, failure: StackEvent) -> list[str]:
        return StackLogs(self._aws, stack_id).last_lines(failure.time - LOG_LEAD, LOG_LINES)


def failure_of(outcome: OperationOutcome, stack_name: str) -> CommandError:
    """Returns the error for an operation that failed: first cause on top, log lines below."""
    failures = outcome.failures
    if not failures:
        return DeploymentFailedError(
            f"{stack_name} ended as {outcome.status}",
            remedy=f"look at its events: generate.py status {stack_name}",
        )
    first, others = failures[0], failures[1:]
    detail = [f"then {event.logical_id} ({event.type}): {event.reason}" for event in others]
    if outcome.log_lines:
        detail += ["", "Last log lines of the stack:", *outcome.log_lines]
    return DeploymentFailedError(
        f"{first.logical_id} ({first.type}) is {first.status}: {first.reason}",
        where=f"{stack_name}, which is now {outcome.status}",
        remedy=advise_failure(first, stack_name),
        detail=tuple(detail),
    )
