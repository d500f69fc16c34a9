from __future__ import annotations

from deployment.aws import Aws
from deployment.stack_event import StackEvent


class StackEvents:
    """The events of a stack since a moment, each given once, oldest first.

    The moment is an event and not a time, because this machine's clock may differ from AWS's.

    Args:
        aws: Account and region.
        stack_id: ARN of the stack, so that a deletion can be followed to its end.
        after: Id of the last event that does not count; None counts all.
    """

    def __init__(self, aws: Aws, stack_id: str, *, after: str | None = None) -> None:
        self._cloudformation = aws.client("cloudformation")
        self._stack_id = stack_id
        self._last = after

    @classmethod
    def of_running_operation(cls, aws: Aws, stack_id: str) -> StackEvents:
        """Returns the events of the newest operation, from its very first one."""
        previous: str | None = None
        start_after: str | None = None
        for event in cls(aws, stack_id).new():
            if event.is_start:
                start_after = previous
            previous = event.event_id
        return cls(aws, stack_id, after=start_after)

    def skip_to_now(self) -> None:
        """Leaves out everything that has happened so far."""
        page = self._cloudformation.describe_stack_events(StackName=self._stack_id)
        if page["StackEvents"]:
            self._last = page["StackEvents"][0]["EventId"]

    def new(self) -> list[StackEvent]:
        """Returns what happened since the last call."""
        found: list[StackEvent] = []
        token: dict[str, str] = {}
        while True:
            page = self._cloudformation.describe_stack_events(StackName=self._stack_id, **token)
            for entry in page["StackEvents"]:
                if entry["EventId"] == self._last:
                    return self._remember(found)
                found.append(StackEvent.from_api(entry))
            if not page.get("NextToken"):
                return self._remember(found)
            token = {"NextToken": page["NextToken"]}

    def _remember(self, newest_first: list[StackEvent]) -> list[StackEvent]:
        if newest_first:
            self._last = newest_first[0].event_id
        return newest_first[::-1]
