from __future__ import annotations

from datetime import timedelta

import pytest

from deployment.clock import Clock
from deployment.errors import AwsRefusedError
from deployment.operation_outcome import OperationOutcome
from deployment.operation_watcher import OperationWatcher
from deployment.patience import GIVE_UP_SECONDS, Patience
from deployment.stack_event import StackEvent
from deployment.stack_events import StackEvents
from tests.deployment.fakes import STACK_ID, FakeClock, ScriptedAws, client_error, event, stack


class RecordingView:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, float]] = []
        self.troubles: list[str] = []

    def event(self, event: StackEvent, elapsed: timedelta) -> None:
        self.seen.append((event.logical_id, event.status, elapsed.total_seconds()))

    def trouble(self, sentence: str) -> None:
        self.troubles.append(sentence)


class Scene:
    """A watcher over scripted polls."""

    def __init__(self, aws: ScriptedAws, clock: Clock) -> None:
        self.view = RecordingView()
        self.asked_for_logs: list[str] = []
        self._aws = aws
        self._clock = clock

    def watch(self, after: str | None = "before") -> OperationOutcome:
        def fetch(failure: StackEvent) -> list[str]:
            self.asked_for_logs.append(failure.logical_id)
            return ["a log line"]

        return OperationWatcher(
            self._aws,
            STACK_ID,
            StackEvents(self._aws, STACK_ID, after=after),
            self.view,
            Patience(self._clock, self.view.trouble, "generate.py watch demo"),
            fetch_logs=fetch,
            clock=self._clock,
        ).watch()


OLD = event("demo", "UPDATE_COMPLETE", stack=True, event_id="before", second=-900)


def poll(aws: ScriptedAws, *events: dict[str, object]) -> None:
    """One poll: newest first, down to the event before the operation."""
    aws.answer("cloudformation", "describe_stack_events", {"StackEvents": [*reversed(events), OLD]})


def test_follows_an_update_to_its_end_and_shows_each_event_once(
    scripted: ScriptedAws, clock: FakeClock
) -> None:
    begin = event("demo", "UPDATE_IN_PROGRESS", stack=True)
    first = event("Topic", "UPDATE_IN_PROGRESS", second=2)
    done = event("Topic", "UPDATE_COMPLETE", second=5)
    cleanup = event("demo", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", stack=True, second=6)
    end = event("demo", "UPDATE_COMPLETE", stack=True, second=9)
    poll(scripted)
    poll(scripted, begin, first)
    poll(scripted, begin, first, done, cleanup)
    poll(scripted, begin, first, done, cleanup, end)
    scene = Scene(scripted, clock)
    outcome = scene.watch()
    assert outcome.succeeded
    assert scene.view.seen == [
        ("demo", "UPDATE_IN_PROGRESS", 0),
        ("Topic", "UPDATE_IN_PROGRESS", 2),
        ("Topic", "UPDATE_COMPLETE", 5),
        ("demo", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", 6),
        ("demo", "UPDATE_COMPLETE", 9),
    ]
    assert scene.asked_for_logs == []


def test_the_first_cause_comes_first_and_logs_are_fetched_at_once(
    scripted: ScriptedAws, clock: FakeClock
) -> None:
    poll(
        scripted,
        event("demo", "CREATE_IN_PROGRESS", stack=True),
        event("Other", "CREATE_FAILED", reason="Resource creation cancelled", second=8),
        event("Group", "CREATE_FAILED", reason="Received 1 FAILURE signal(s)", second=9),
        event("Late", "CREATE_FAILED", reason="also bad", second=10),
        event("demo", "ROLLBACK_IN_PROGRESS", stack=True, reason="failed: [Group]", second=11),
        event("demo", "ROLLBACK_COMPLETE", stack=True, second=20),
    )
    scene = Scene(scripted, clock)
    outcome = scene.watch()
    assert not outcome.succeeded
    assert outcome.status == "ROLLBACK_COMPLETE"
    assert [failure.logical_id for failure in outcome.failures] == ["Group", "Late"]
    assert scene.asked_for_logs == ["Group"]
    assert outcome.log_lines == ("a log line",)


@pytest.mark.parametrize("code", ["Throttling", "RequestLimitExceeded"])
def test_throttled_polling_never_fails_a_good_deployment(
    scripted: ScriptedAws, clock: FakeClock, code: str
) -> None:
    poll(scripted, event("demo", "CREATE_IN_PROGRESS", stack=True))
    for _ in range(12):
        scripted.refuse("cloudformation", "describe_stack_events", code, "Rate exceeded")
    poll(
        scripted,
        event("demo", "CREATE_IN_PROGRESS", stack=True),
        event("demo", "CREATE_COMPLETE", stack=True, second=300),
    )
    scene = Scene(scripted, clock)
    assert scene.watch().succeeded
    assert len(scene.view.troubles) == 1
    assert "goes on" in scene.view.troubles[0]


def test_asks_for_the_status_when_events_do_not_come(
    scripted: ScriptedAws, clock: FakeClock
) -> None:
    begin = event("demo", "UPDATE_IN_PROGRESS", stack=True)
    for _ in range(10):
        poll(scripted, begin)
    scripted.answer("cloudformation", "describe_stacks", stack("UPDATE_COMPLETE"))
    assert Scene(scripted, clock).watch().succeeded


def test_a_deletion_ends_when_the_stack_is_gone(scripted: ScriptedAws, clock: FakeClock) -> None:
    begin = event("demo", "DELETE_IN_PROGRESS", stack=True, reason="User Initiated")
    for _ in range(10):
        poll(scripted, begin)
    scripted.refuse(
        "cloudformation", "describe_stacks", "ValidationError", "Stack with id demo does not exist"
    )
    assert Scene(scripted, clock).watch().succeeded


def test_a_creation_that_ends_in_deletion_is_no_success(
    scripted: ScriptedAws, clock: FakeClock
) -> None:
    poll(
        scripted,
        event("demo", "CREATE_IN_PROGRESS", stack=True, reason="User Initiated"),
        event("Topic", "CREATE_FAILED", reason="bad"),
        event("demo", "DELETE_IN_PROGRESS", stack=True, reason="Delete on failure"),
        event("demo", "DELETE_COMPLETE", stack=True),
    )
    assert not Scene(scripted, clock).watch().succeeded


def test_access_denied_is_not_waited_out(scripted: ScriptedAws, clock: FakeClock) -> None:
    scripted.refuse("cloudformation", "describe_stack_events", "AccessDenied", status=403)
    with pytest.raises(Exception, match="AccessDenied"):
        Scene(scripted, clock).watch()
    assert clock.naps == []


def test_patience_ends_and_says_how_to_go_on(clock: FakeClock) -> None:
    troubles: list[str] = []

    def never() -> None:
        raise client_error("ServiceUnavailable", status=503)

    with pytest.raises(AwsRefusedError, match="no answer from AWS for 15 minutes") as refused:
        Patience(clock, troubles.append, "generate.py watch demo").ask(never)
    assert "generate.py watch demo" in refused.value.remedy
    assert clock.monotonic() > GIVE_UP_SECONDS
    assert max(clock.naps) == 30
    assert len(troubles) == 1


def test_events_of_several_pages_come_in_order(scripted: ScriptedAws) -> None:
    newest = event("C", "CREATE_COMPLETE")
    middle, oldest = event("B", "CREATE_COMPLETE"), event("A", "CREATE_COMPLETE")
    scripted.answer(
        "cloudformation",
        "describe_stack_events",
        {"StackEvents": [newest, middle], "NextToken": "more"},
    )
    scripted.answer(
        "cloudformation",
        "describe_stack_events",
        {"StackEvents": [oldest]},
        StackName=STACK_ID,
        NextToken="more",
    )
    found = StackEvents(scripted, STACK_ID).new()
    assert [item.logical_id for item in found] == ["A", "B", "C"]


def test_a_resumed_watch_begins_with_the_newest_operation(scripted: ScriptedAws) -> None:
    history = [
        event("demo", "CREATE_IN_PROGRESS", stack=True, reason="User Initiated"),
        event("demo", "CREATE_COMPLETE", stack=True),
        event("demo", "UPDATE_IN_PROGRESS", stack=True, reason="User Initiated"),
        event("Topic", "UPDATE_IN_PROGRESS"),
    ]
    for _ in range(2):
        scripted.answer(
            "cloudformation", "describe_stack_events", {"StackEvents": list(reversed(history))}
        )
    found = StackEvents.of_running_operation(scripted, STACK_ID).new()
    assert [(item.logical_id, item.status) for item in found] == [
        ("demo", "UPDATE_IN_PROGRESS"),
        ("Topic", "UPDATE_IN_PROGRESS"),
    ]
