from __future__ import annotations

from dataclasses import dataclass

from deployment.stack_event import StackEvent

_SUCCEEDED = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE", "IMPORT_COMPLETE"}


@dataclass(frozen=True)
class OperationOutcome:
    """How an operation on a stack ended.

    Attributes:
        status: Last status of the stack.
        events: All events of the operation, oldest first.
        log_lines: Log lines of the stack around the first failure; fetched while they existed.
    """

    status: str
    events: tuple[StackEvent, ...]
    log_lines: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether the stack is as asked."""
        if self.status == "DELETE_COMPLETE" and self.events:
            # A creation that fails may end in deletion (OnStackFailure=DELETE).
            return self.events[0].status == "DELETE_IN_PROGRESS"
        return self.status in _SUCCEEDED

    @property
    def failures(self) -> tuple[StackEvent, ...]:
        """What failed by itself, the first one first, without what was only cancelled.

        The stack's own failure comes last: it only counts the others.
        """
        own = [event for event in self.events if event.is_failure and not event.is_stack]
        return tuple(own) or tuple(event for event in self.events if event.is_failure)
