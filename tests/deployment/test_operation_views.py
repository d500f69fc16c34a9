from __future__ import annotations

import io
from datetime import timedelta

import pytest
from rich.console import Console
from rich.text import Text

from deployment.bar_view import BarView
from deployment.failure_advice import advise_failure
from deployment.line_view import LineView
from deployment.stack_event import StackEvent
from tests.deployment.fakes import Words, event


def read(**others: object) -> StackEvent:
    return StackEvent.from_api(event("Topic", "CREATE_COMPLETE", **others))


def test_without_a_terminal_each_event_is_one_line(words: Words) -> None:
    view = LineView(words.err)
    view.event(read(), timedelta(seconds=65))
    failed = StackEvent.from_api(event("Group", "CREATE_FAILED", reason="because [x]"))
    view.event(failed, timedelta(seconds=3661))
    view.trouble("no answer")
    lines = words.notes.splitlines()
    assert lines[0].split() == ["1:05", "CREATE_COMPLETE", "Topic", "AWS::SNS::Topic"]
    assert lines[1].startswith(" 61:01  CREATE_FAILED")
    assert lines[1].endswith("because [x]")
    assert lines[2] == "no answer"
    assert "\x1b" not in words.notes


def test_on_a_terminal_a_bar_counts_resources_once_and_tells_a_roll_back() -> None:
    terminal = io.StringIO()
    console = Console(file=terminal, force_terminal=True, width=120)
    with BarView(console, "Creating demo", total=2).shown() as view:
        for name in ("Topic", "Topic", "Group"):
            done = StackEvent.from_api(event(name, "CREATE_COMPLETE"))
            view.event(done, timedelta(seconds=1))
        view.trouble("no answer")
        assert view._progress.tasks[0].completed == 2
        undone = StackEvent.from_api(event("demo", "ROLLBACK_IN_PROGRESS", stack=True))
        view.event(undone, timedelta(seconds=2))
        assert view._progress.tasks[0].description == "Creating demo (rolling back)"
    assert "Creating demo" in terminal.getvalue()


def test_waiting_is_one_line_without_a_terminal(words: Words) -> None:
    with words.working("Looking"):
        pass
    assert words.notes == "Looking ...\n"
    assert words.results == ""


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("Received 1 FAILURE signal(s) out of 1", "generate.py logs demo"),
        ("Failed to receive 1 resource signal(s) within the specified duration", "logs demo"),
        (
            "The service-linked role AWSServiceRoleForEC2Spot is missing",
            "create-service-linked-role",
        ),
        ("llm-service already exists in stack x", "outside this stack"),
        ("User is not authorized to perform: ec2:CreateVpc", "allow the action"),
        ("The maximum number of VPCs has been reached", "Service Quotas"),
        ("Your requested instance type (x) is not supported in your requested AZ", "preflight"),
        ("ConflictingDomainExists", "another namespace"),
        ("Service contains registered instances", "registered in Cloud Map"),
        ("resource sg-1 has a dependent object (DependencyViolation)", "still uses it"),
        ("something nobody has seen", "correct what the reason names"),
    ],
)
def test_a_reason_comes_with_what_to_do(reason: str, advice: str) -> None:
    assert advice in advise_failure(read(reason=reason), "demo")


def test_long_lines_stay_in_one_piece(words: Words) -> None:
    link = "https://" + "x" * 700
    words.result({}, Text(f"create {link}"))
    words.record({}, Text(f"line {'word ' * 200}end"))
    words.note(link)
    failed = StackEvent.from_api(event("Group", "CREATE_FAILED", reason="because " * 100))
    LineView(words.err).event(failed, timedelta())
    assert len(words.results.splitlines()) == 2
    assert len(words.notes.splitlines()) == 2
    assert link in words.results
