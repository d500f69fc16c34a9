from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from deployment.aws import Aws
from deployment.clock import Clock
from deployment.operation_outcome import OperationOutcome
from deployment.operation_view import OperationView
from deployment.patience import Patience
from deployment.stack_event import StackEvent
from deployment.stack_events import StackEvents
from deployment.stack_state import StackState

POLL_SECONDS = 3.0
# Events are kept apart from the status and may lag behind it.
POLLS_BETWEEN_STATUS = 10


class OperationWatcher:
    """Follows an operation on a stack to its end.

    Args:
        aws: Account and region.
        stack_id: ARN of the stack.
        events: Where the operation's events begin.
        view: Shows them.
        patience: Carries the watch through throttling and lost connections.
        fetch_logs: Called once at the first failure with its event; a roll-back may delete the
            logs soon after.
        clock: Time.
    """

    def __init__(
        self,
        aws: Aws,
        stack_id: str,
        events: StackEvents,
        view: OperationView,
        patience: Patience,
        *,
        fetch_logs: Callable[[StackEvent], list[str]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._aws = aws
        self._stack_id = stack_id
        self._events = events
        self._view = view
        self._patience = patience
        self._fetch_logs = fetch_logs
        self._clock = clock or Clock()
        self._seen: list[StackEvent] = []
        self._log_lines: list[str] | None = None

    def watch(self) -> OperationOutcome:
        """Returns when the stack has come to rest."""
        polls = 0
        while True:
            self._show(self._patience.ask(self._events.new))
            status = self._resting_status()
            if status is None and polls % POLLS_BETWEEN_STATUS == POLLS_BETWEEN_STATUS - 1:
                status = self._asked_status()
            if status is not None:
                return OperationOutcome(status, tuple(self._seen), tuple(self._log_lines or ()))
            polls += 1
            self._clock.sleep(POLL_SECONDS)

    def _show(self, events: list[StackEvent]) -> None:
        for event in events:
            self._seen.append(event)
            self._view.event(event, event.time - self._started)
            if event.is_failure and self._log_lines is None and self._fetch_logs:
                self._log_lines = self._fetch_logs(event)

    @property
    def _started(self) -> datetime:
        return self._seen[0].time

    def _resting_status(self) -> str | None:
        """The status that the events end with: one asked for too early is still the old one."""
        own = [event for event in self._seen if event.is_stack]
        return own[-1].status if own and own[-1].is_over else None

    def _asked_status(self) -> str | None:
        state = self._patience.ask(lambda: StackState.read(self._aws, self._stack_id))
        if state is None:
            return "DELETE_COMPLETE"
        return None if state.in_progress or state.is_review else state.status
