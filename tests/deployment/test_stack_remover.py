from __future__ import annotations

import json

import pytest

from deployment.aws import Aws
from deployment.errors import AwsRefusedError, DeploymentFailedError, FindingsError
from deployment.stack_remover import StackRemover
from deployment.stack_state import StackState
from tests.deployment.fakes import STACK_ID, FakeClock, ScriptedAws, Words, event

TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
STATE = StackState("demo", STACK_ID, "UPDATE_COMPLETE")


def make(aws: Aws, *, protected: bool = False) -> StackState:
    aws.client("cloudformation").create_stack(
        StackName="demo", TemplateBody=TEMPLATE, EnableTerminationProtection=protected
    )
    state = StackState.read(aws, "demo")
    assert state is not None
    assert state.protected is protected
    return state


def test_deletes_and_follows(mocked: Aws, words: Words, clock: FakeClock) -> None:
    outcome = StackRemover(mocked, words, clock).remove(make(mocked), yes=True)
    assert outcome.status == "DELETE_COMPLETE"
    assert StackState.read(mocked, "demo") is None


def test_protection_is_never_taken_off_silently(
    mocked: Aws, words: Words, clock: FakeClock
) -> None:
    state = make(mocked, protected=True)
    remover = StackRemover(mocked, words, clock)
    with pytest.raises(AwsRefusedError, match="termination protection") as refused:
        remover.remove(state, yes=True)
    assert "--disable-termination-protection" in refused.value.remedy
    assert StackState.read(mocked, "demo") is not None
    remover.remove(state, yes=True, unprotect=True)
    assert StackState.read(mocked, "demo") is None
    assert "termination protection of demo is off now" in words.notes


def test_the_answer_no_keeps_the_stack(
    mocked: Aws, words: Words, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(words, "confirm", lambda question, **_: False)
    with pytest.raises(FindingsError, match="the answer was no"):
        StackRemover(mocked, words, clock).remove(
            make(mocked, protected=True), yes=False, unprotect=True
        )
    state = StackState.read(mocked, "demo")
    assert state is not None
    assert state.protected


def test_waits_for_no_other_operation(scripted: ScriptedAws, words: Words) -> None:
    busy = StackState("demo", STACK_ID, "UPDATE_IN_PROGRESS")
    with pytest.raises(AwsRefusedError, match="one operation at a time"):
        StackRemover(scripted, words).remove(busy, yes=True)


def test_what_cannot_be_deleted_is_a_failed_deployment(
    scripted: ScriptedAws, words: Words, clock: FakeClock
) -> None:
    old = event("demo", "UPDATE_COMPLETE", stack=True, event_id="old")
    story = [
        event("demo", "DELETE_IN_PROGRESS", stack=True, reason="User Initiated"),
        event("Service", "DELETE_FAILED", reason="Service contains registered instances"),
        event("demo", "DELETE_FAILED", stack=True, reason="failed to delete: [Service]"),
    ]
    scripted.answer("cloudformation", "describe_stack_events", {"StackEvents": [old]})
    scripted.answer("cloudformation", "delete_stack", {}, StackName=STACK_ID)
    scripted.answer(
        "cloudformation", "describe_stack_events", {"StackEvents": [*reversed(story), old]}
    )
    scripted.answer("cloudformation", "list_stack_resources", {"StackResourceSummaries": []})
    with pytest.raises(DeploymentFailedError, match="is DELETE_FAILED") as failed:
        StackRemover(scripted, words, clock).remove(STATE, yes=True)
    assert "registered in Cloud Map" in failed.value.remedy


def test_names_what_is_kept(scripted: ScriptedAws, words: Words) -> None:
    kept = {
        "LogicalResourceId": "Bucket",
        "PhysicalResourceId": "artifacts",
        "ResourceType": "AWS::S3::Bucket",
        "ResourceStatus": "DELETE_SKIPPED",
        "LastUpdatedTimestamp": 0,
    }
    gone = {**kept, "ResourceStatus": "DELETE_COMPLETE", "PhysicalResourceId": "other"}
    scripted.answer(
        "cloudformation", "list_stack_resources", {"StackResourceSummaries": [kept, gone]}
    )
    assert StackRemover(scripted, words).kept(STATE) == ["AWS::S3::Bucket artifacts"]
