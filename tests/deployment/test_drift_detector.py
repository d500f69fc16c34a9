from __future__ import annotations

import pytest
from rich.console import Console

from deployment.drift_detector import MAX_WAIT_SECONDS, POLL_SECONDS, DriftDetector
from deployment.drift_view import drift_view
from deployment.errors import AwsRefusedError
from tests.deployment.fakes import STACK_ID, START, FakeClock, ScriptedAws


def status(aws: ScriptedAws, state: str, **others: str) -> None:
    aws.answer(
        "cloudformation",
        "describe_stack_drift_detection_status",
        {
            "StackId": STACK_ID,
            "StackDriftDetectionId": "1",
            "DetectionStatus": state,
            "Timestamp": START,
            **others,
        },
    )


def drift(name: str, state: str, *differences: tuple[str, str, str]) -> dict[str, object]:
    return {
        "StackId": STACK_ID,
        "LogicalResourceId": name,
        "PhysicalResourceId": f"id-{name}",
        "ResourceType": "AWS::SNS::Topic",
        "StackResourceDriftStatus": state,
        "Timestamp": START,
        "PropertyDifferences": [
            {
                "PropertyPath": path,
                "ExpectedValue": expected,
                "ActualValue": actual,
                "DifferenceType": "NOT_EQUAL",
            }
            for path, expected, actual in differences
        ],
    }


def begin(aws: ScriptedAws) -> None:
    aws.answer(
        "cloudformation", "detect_stack_drift", {"StackDriftDetectionId": "1"}, StackName="demo"
    )


def test_waits_and_tells_what_differs(scripted: ScriptedAws, clock: FakeClock) -> None:
    begin(scripted)
    status(scripted, "DETECTION_IN_PROGRESS")
    scripted.refuse("cloudformation", "describe_stack_drift_detection_status", "Throttling")
    status(scripted, "DETECTION_COMPLETE", StackDriftStatus="DRIFTED")
    first = {
        "StackResourceDrifts": [
            drift("Changed", "MODIFIED", ("/DisplayName", "Größe", "Gr??e"), ("/X", "1", "2")),
            drift("OnlyUmlauts", "MODIFIED", ("/DisplayName", "Größe", "Gr??e")),
        ],
        "NextToken": "more",
    }
    rest = {
        "StackResourceDrifts": [
            drift("Gone", "DELETED"),
            drift("Same", "IN_SYNC"),
            drift("Strange", "NOT_CHECKED"),
        ]
    }
    scripted.answer("cloudformation", "describe_stack_resource_drifts", first)
    scripted.answer(
        "cloudformation", "describe_stack_resource_drifts", rest, StackName="demo", NextToken="more"
    )
    report = DriftDetector(scripted, clock).detect("demo")
    assert report.drifted
    assert [(item.logical_id, item.status) for item in report.resources] == [
        ("Changed", "MODIFIED"),
        ("Gone", "DELETED"),
    ]
    assert [change.path for change in report.resources[0].properties] == ["/X"]
    assert report.unchecked == ("Strange",)
    console = Console(width=120)
    with console.capture() as captured:
        console.print(drift_view(report))
    assert "/X: 1 in the template, 2 in AWS" in captured.get()
    assert "2 resources differ." in captured.get()
    assert report.to_dict()["drifted"] is True


def test_a_partial_result_counts_and_names_what_is_missing(
    scripted: ScriptedAws, clock: FakeClock
) -> None:
    begin(scripted)
    status(
        scripted,
        "DETECTION_FAILED",
        StackDriftStatus="IN_SYNC",
        DetectionStatusReason="Failed to detect drift on resource [Role]",
    )
    scripted.answer("cloudformation", "describe_stack_resource_drifts", {"StackResourceDrifts": []})
    report = DriftDetector(scripted, clock).detect("demo")
    assert not report.drifted
    assert report.unchecked == ("Failed to detect drift on resource [Role]",)


def test_a_failed_detection_is_refused_with_its_reason(
    scripted: ScriptedAws, clock: FakeClock
) -> None:
    begin(scripted)
    status(scripted, "DETECTION_FAILED", DetectionStatusReason="no rights")
    with pytest.raises(AwsRefusedError, match="no rights"):
        DriftDetector(scripted, clock).detect("demo")


def test_gives_up_after_a_bound(scripted: ScriptedAws, clock: FakeClock) -> None:
    begin(scripted)
    for _ in range(int(MAX_WAIT_SECONDS / POLL_SECONDS)):
        status(scripted, "DETECTION_IN_PROGRESS")
    with pytest.raises(AwsRefusedError, match="no result after 30 minutes"):
        DriftDetector(scripted, clock).detect("demo")
