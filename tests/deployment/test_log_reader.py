from __future__ import annotations

import json
from datetime import timedelta

import pytest

from deployment.clock import Clock
from deployment.errors import UsageError
from deployment.log_reader import LogReader, parse_duration
from deployment.stack_logs import StackLogs
from tests.deployment.fakes import START, FakeClock, ScriptedAws, Words

NOW = int(START.timestamp() * 1000)


def groups(aws: ScriptedAws, *names: str) -> None:
    resources = [
        {
            "LogicalResourceId": name,
            "PhysicalResourceId": name,
            "ResourceType": "AWS::Logs::LogGroup",
            "ResourceStatus": "CREATE_COMPLETE",
            "LastUpdatedTimestamp": START,
        }
        for name in names
    ]
    aws.answer("cloudformation", "list_stack_resources", {"StackResourceSummaries": resources})


def line(number: int, text: str) -> dict[str, object]:
    return {
        "eventId": str(number),
        "timestamp": NOW + number * 1000,
        "logStreamName": f"i-{number}/server",
        "message": f"{text}\n",
    }


def test_shows_lines_of_all_groups_in_order_of_time(
    scripted: ScriptedAws, words: Words, clock: FakeClock
) -> None:
    groups(scripted, "/b", "/a")
    since = NOW - 15 * 60 * 1000
    scripted.answer(
        "logs",
        "filter_log_events",
        {"events": [line(3, "third [x]")]},
        logGroupName="/a",
        startTime=since,
        filterPattern="ERROR",
        logStreamNamePrefix="i-",
    )
    scripted.answer("logs", "filter_log_events", {"events": [line(1, "first")]})
    LogReader(scripted, "demo", words, pattern="ERROR", stream="i-", clock=clock).show(
        "15m", follow=False
    )
    assert words.results.splitlines() == [
        "2026-01-01 00:00:01 server first",
        "2026-01-01 00:00:03 server third [x]",
    ]


def test_following_shows_each_line_once_until_ctrl_c(
    scripted: ScriptedAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TwoPolls(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if len(self.naps) == 3:
                raise KeyboardInterrupt

    words = Words(as_json=True)
    groups(scripted, "/a")
    scripted.answer("logs", "filter_log_events", {"events": [line(1, "first")]})
    scripted.refuse("logs", "filter_log_events", "ThrottlingException")
    scripted.answer("logs", "filter_log_events", {"events": [line(1, "first"), line(2, "second")]})
    with pytest.raises(KeyboardInterrupt):
        LogReader(scripted, "demo", words, clock=TwoPolls()).show("1h", follow=True)
    shown = [json.loads(text)["text"] for text in words.results.splitlines()]
    assert shown == ["first", "second"]


def test_says_so_when_there_is_nothing(scripted: ScriptedAws, words: Words, clock: Clock) -> None:
    groups(scripted, "/a")
    scripted.answer("logs", "filter_log_events", {"events": []})
    LogReader(scripted, "demo", words, clock=clock).show("90s", follow=False)
    assert words.results == ""
    assert "no lines in /a in the last 90s" in words.notes


def test_a_group_that_is_not_there_lists_those_that_are(
    scripted: ScriptedAws, words: Words
) -> None:
    groups(scripted, "/a", "/b")
    with pytest.raises(UsageError, match="whose name contains 'nope'") as refused:
        LogReader(scripted, "demo", words, group="nope").show("1m", follow=False)
    assert refused.value.remedy == "choose from: /a, /b"
    groups(scripted)
    with pytest.raises(UsageError, match="has no log groups"):
        LogReader(scripted, "demo", words).show("1m", follow=False)


def test_the_report_of_a_failure_survives_logs_that_cannot_be_read(scripted: ScriptedAws) -> None:
    scripted.refuse("cloudformation", "list_stack_resources", "AccessDenied", status=403)
    lines = StackLogs(scripted, "demo").last_lines(START, 5)
    assert lines == ["(the stack's logs cannot be read: AccessDenied)"]


def test_only_the_last_lines_are_kept(scripted: ScriptedAws) -> None:
    groups(scripted, "/a")
    events = [line(number, f"line {number}") for number in range(9)]
    scripted.answer("logs", "filter_log_events", {"events": events})
    assert StackLogs(scripted, "demo").last_lines(START, 2) == [
        "00:00:07 i-7/server: line 7",
        "00:00:08 i-8/server: line 8",
    ]


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
    ],
)
def test_durations_are_read(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "15", "m", "-5m", "1.5h", "15 minutes"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration"):
        parse_duration(text)
