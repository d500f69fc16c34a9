from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deployment.aws import Aws
from deployment.deploy_choices import DeployChoices
from deployment.deploy_settings import DeploySettings
from deployment.deployer import Deployer
from deployment.errors import (
    DeploymentFailedError,
    FindingsError,
    UsageError,
    WatchInterruptedError,
)
from deployment.operation_watcher import OperationWatcher
from deployment.stack_state import StackState
from deployment.template_source import TemplateSource
from tests.deployment.fakes import (
    ANY,
    CHANGE_SET_ID,
    STACK_ID,
    START,
    FakeClock,
    ScriptedAws,
    Words,
    event,
    stack,
)

TEMPLATE = {
    "Parameters": {
        "ImageTag": {"Type": "String", "Default": "latest"},
        "EcrRepositoryName": {"Type": "String", "Default": "llm-service"},
    },
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
}
QUICK = DeployChoices(yes=True, preflight=False)


def settings(name: str = "demo", **others: Any) -> DeploySettings:
    return DeploySettings(
        stack_name=name, template=TemplateSource("demo.json", json.dumps(TEMPLATE)), **others
    )


def bigger() -> TemplateSource:
    resources = {**TEMPLATE["Resources"], "Queue": {"Type": "AWS::SQS::Queue"}}
    return TemplateSource("demo.json", json.dumps({**TEMPLATE, "Resources": resources}))


def status_of(aws: Aws, name: str = "demo") -> str:
    stacks = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return str(stacks[0]["StackStatus"])


def test_creates_then_finds_nothing_to_do_then_updates(
    mocked: Aws, words: Words, clock: FakeClock, tmp_path: Path
) -> None:
    deployer = Deployer(mocked, words, clock)
    deployer.deploy(settings(), QUICK)
    assert status_of(mocked) == "CREATE_COMPLETE"
    deployer.deploy(settings(), QUICK)
    assert "demo: nothing to do" in words.notes
    again = DeploySettings(stack_name="demo", template=bigger())
    files = DeployChoices(
        yes=True,
        preflight=False,
        outputs_file=tmp_path / "out" / "outputs.json",
        timeline_file=tmp_path / "timeline.svg",
        protect=True,
    )
    deployer.deploy(again, files)
    assert status_of(mocked) == "UPDATE_COMPLETE"
    assert json.loads((tmp_path / "out" / "outputs.json").read_text()) == {"demo": {}}
    assert "<svg" in (tmp_path / "timeline.svg").read_text()
    assert "+ Queue  AWS::SQS::Queue" in words.notes
    state = StackState.read(mocked, "demo")
    assert state is not None
    assert state.protected
    left = mocked.client("cloudformation").list_change_sets(StackName="demo")["Summaries"]
    assert all(item["Status"] not in {"CREATE_PENDING", "FAILED"} for item in left)


def test_results_go_to_stdout_as_json(mocked: Aws, clock: FakeClock) -> None:
    words = Words(as_json=True)
    Deployer(mocked, words, clock).deploy(settings(), QUICK)
    result = json.loads(words.results)
    assert result["stack"] == "demo"
    assert result["status"] == "CREATE_COMPLETE"
    assert result["changed"] is True


def test_the_pipelines_stack_wants_manual_deploy(
    mocked: Aws, words: Words, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = settings("LlmServiceInfraStack")
    with pytest.raises(UsageError, match="deployed by the pipeline") as refused:
        Deployer(mocked, words, clock).deploy(ours, QUICK)
    assert "MANUAL_DEPLOY=true" in refused.value.remedy
    monkeypatch.setenv("MANUAL_DEPLOY", "false")
    for name in ("LlmServiceInfraStack", "LlmServiceInfraStackProd"):
        with pytest.raises(UsageError):
            Deployer(mocked, words, clock).deploy(settings(name), QUICK)
    monkeypatch.setenv("MANUAL_DEPLOY", "true")
    Deployer(mocked, words, clock).deploy(ours, QUICK)
    assert status_of(mocked, "LlmServiceInfraStack") == "CREATE_COMPLETE"


def test_without_a_terminal_and_without_yes_nothing_is_done(
    mocked: Aws, words: Words, clock: FakeClock
) -> None:
    with pytest.raises(UsageError, match="nobody can answer here") as refused:
        Deployer(mocked, words, clock).deploy(settings(), DeployChoices(preflight=False))
    assert "--yes" in refused.value.remedy
    assert StackState.read(mocked, "demo") is None


def test_the_answer_no_removes_the_change_set(
    mocked: Aws, words: Words, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    Deployer(mocked, words, clock).deploy(settings(), QUICK)
    monkeypatch.setattr(words, "confirm", lambda question, **_: False)
    with pytest.raises(FindingsError, match="the answer was no"):
        Deployer(mocked, words, clock).deploy(
            DeploySettings(stack_name="demo", template=bigger()), DeployChoices(preflight=False)
        )
    assert status_of(mocked) == "CREATE_COMPLETE"


def test_no_execute_leaves_the_change_set_waiting(
    mocked: Aws, words: Words, clock: FakeClock
) -> None:
    Deployer(mocked, words, clock).deploy(settings(), QUICK)
    choices = DeployChoices(preflight=False, execute=False)
    again = DeploySettings(stack_name="demo", template=bigger())
    Deployer(mocked, words, clock).deploy(again, choices)
    assert status_of(mocked) == "CREATE_COMPLETE"
    arn = words.results.strip().splitlines()[-1]
    cloudformation = mocked.client("cloudformation")
    assert cloudformation.describe_change_set(ChangeSetName=arn)["ExecutionStatus"] == "AVAILABLE"


def test_recreate_deletes_the_remains_first(
    scripted: ScriptedAws, words: Words, clock: FakeClock
) -> None:
    answer = scripted.answer
    answer("cloudformation", "describe_stacks", stack("ROLLBACK_COMPLETE"))
    old = event("demo", "ROLLBACK_COMPLETE", stack=True, event_id="old")
    begin = event("demo", "DELETE_IN_PROGRESS", stack=True, reason="User Initiated")
    gone = event("demo", "DELETE_COMPLETE", stack=True)
    answer("cloudformation", "describe_stack_events", {"StackEvents": [old]})
    answer("cloudformation", "delete_stack", {}, StackName=STACK_ID)
    answer("cloudformation", "describe_stack_events", {"StackEvents": [gone, begin, old]})
    scripted.refuse("cloudformation", "describe_stacks", "ValidationError", "demo does not exist")
    answer("cloudformation", "get_template_summary", {})
    answer("cloudformation", "create_change_set", {"Id": CHANGE_SET_ID, "StackId": STACK_ID})
    for _ in range(2):
        answer("cloudformation", "describe_change_set", {"Status": "CREATE_COMPLETE"})
    choices = DeployChoices(yes=True, preflight=False, recreate=True, execute=False)
    Deployer(scripted, words, clock).deploy(settings(), choices)
    assert CHANGE_SET_ID in words.results


def script_failed_update(aws: ScriptedAws) -> None:
    answer = aws.answer
    answer("cloudformation", "describe_stacks", stack("UPDATE_COMPLETE"))
    answer("cloudformation", "get_template_summary", {"Capabilities": ["CAPABILITY_IAM"]})
    answer("cloudformation", "create_change_set", {"Id": CHANGE_SET_ID, "StackId": STACK_ID})
    answer("cloudformation", "describe_change_set", {"Status": "CREATE_COMPLETE"})
    answer("cloudformation", "get_template", {"TemplateBody": json.dumps(TEMPLATE)})
    for _ in range(2):
        answer("cloudformation", "describe_change_set", {"Status": "CREATE_COMPLETE"})
    old = event("demo", "UPDATE_COMPLETE", stack=True, event_id="old")
    answer("cloudformation", "describe_stack_events", {"StackEvents": [old]})
    answer(
        "cloudformation",
        "execute_change_set",
        {},
        ChangeSetName=CHANGE_SET_ID,
        ClientRequestToken=ANY,
    )
    story = [
        event("demo", "UPDATE_IN_PROGRESS", stack=True, reason="User Initiated"),
        event("Group", "UPDATE_IN_PROGRESS", second=3),
        event("Group", "UPDATE_FAILED", second=90, reason="Received 1 FAILURE signal(s) out of 1"),
        event("Other", "UPDATE_FAILED", second=91, reason="Resource update cancelled"),
        event("demo", "UPDATE_ROLLBACK_IN_PROGRESS", stack=True, second=92),
        event("demo", "UPDATE_ROLLBACK_COMPLETE", stack=True, second=200),
    ]
    answer("cloudformation", "describe_stack_events", {"StackEvents": [*reversed(story), old]})
    group = {
        "LogicalResourceId": "LogGroup",
        "PhysicalResourceId": "/llm",
        "ResourceType": "AWS::Logs::LogGroup",
        "ResourceStatus": "CREATE_COMPLETE",
        "LastUpdatedTimestamp": story[0]["Timestamp"],
    }
    answer("cloudformation", "list_stack_resources", {"StackResourceSummaries": [group]})
    line = {"eventId": "1", "timestamp": 1767225630000, "logStreamName": "i-1", "message": "boom\n"}
    answer("logs", "filter_log_events", {"events": [line]})


def test_a_failure_tells_first_cause_remedy_and_log_lines(
    scripted: ScriptedAws, words: Words, clock: FakeClock, tmp_path: Path
) -> None:
    script_failed_update(scripted)
    picture = tmp_path / "timeline.svg"
    choices = DeployChoices(yes=True, preflight=False, timeline_file=picture)
    with pytest.raises(DeploymentFailedError) as failed:
        Deployer(scripted, words, clock).deploy(settings(), choices)
    error = failed.value
    assert error.exit_code == 4
    assert error.what.startswith("Group (AWS::SNS::Topic) is UPDATE_FAILED: Received 1 FAILURE")
    assert error.where == "demo, which is now UPDATE_ROLLBACK_COMPLETE"
    assert "generate.py logs demo" in error.remedy
    assert error.detail[-1] == "00:00:30 i-1: boom"
    assert not any("cancelled" in line for line in error.detail)
    assert "Group" in picture.read_text()


def test_ctrl_c_says_what_goes_on(
    mocked: Aws, words: Words, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: OperationWatcher) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(OperationWatcher, "watch", interrupted)
    with pytest.raises(WatchInterruptedError) as stopped:
        Deployer(mocked, words, clock).deploy(settings(), QUICK)
    assert "AWS goes on with it (Creating demo)" in stopped.value.what
    assert "generate.py watch demo --region eu-west-1" in stopped.value.remedy
    assert stopped.value.exit_code == 130


def image(aws: Aws, *tags: str) -> None:
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="llm-service")
    for tag in tags:
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {"digest": f"sha256:{tag}", "size": 1},
            "layers": [],
        }
        ecr.put_image(
            repositoryName="llm-service", imageManifest=json.dumps(manifest), imageTag=tag
        )


def test_rollback_takes_the_deployed_template_with_an_earlier_image(
    scripted: ScriptedAws, words: Words, clock: FakeClock
) -> None:
    values = {"ImageTag": "def5678", "EcrRepositoryName": "ours"}
    entries = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
    deployed = stack("UPDATE_COMPLETE", Parameters=entries)
    answer = scripted.answer
    answer("cloudformation", "describe_stacks", deployed)
    answer(
        "ecr",
        "describe_images",
        {"imageDetails": [{"imageDigest": "sha256:1", "imagePushedAt": START}]},
        repositoryName="ours",
        imageIds=[{"imageTag": "abc1234"}],
    )
    answer("cloudformation", "describe_stacks", deployed)
    keys = [{"ParameterKey": key, "DefaultValue": ""} for key in values]
    answer("cloudformation", "get_template_summary", {"Parameters": keys}, StackName="demo")
    scripted._stub("cloudformation").add_client_error(
        "create_change_set",
        "ValidationError",
        "No updates are to be performed.",
        expected_params={
            "StackName": "demo",
            "ChangeSetName": ANY,
            "ClientToken": ANY,
            "ChangeSetType": "UPDATE",
            "UsePreviousTemplate": True,
            "Parameters": [
                {"ParameterKey": "ImageTag", "ParameterValue": "abc1234"},
                {"ParameterKey": "EcrRepositoryName", "UsePreviousValue": True},
            ],
            "Capabilities": [],
            "OnStackFailure": "ROLLBACK",
        },
    )
    answer("cloudformation", "describe_stacks", deployed)
    choices = DeployChoices(yes=True, rollback_to="abc1234")
    Deployer(scripted, words, clock).deploy(settings(), choices)
    assert "nothing to do" in words.notes


def test_rollback_to_an_image_that_is_not_there_lists_those_that_are(
    mocked: Aws, words: Words, clock: FakeClock
) -> None:
    image(mocked, "abc1234")
    deployer = Deployer(mocked, words, clock)
    deployer.deploy(settings(), QUICK)
    with pytest.raises(UsageError, match="no image 'nope'") as refused:
        deployer.deploy(settings(), DeployChoices(yes=True, rollback_to="nope"))
    assert "abc1234" in refused.value.detail[0]


def test_a_failed_check_stops_before_anything_is_made(
    mocked: Aws, words: Words, clock: FakeClock
) -> None:
    text = json.dumps(
        {
            "Parameters": {"EcrRepositoryName": {"Type": "String", "Default": "absent"}},
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        }
    )
    asked = DeploySettings(stack_name="demo", template=TemplateSource("demo.json", text))
    with pytest.raises(FindingsError, match="1 checks failed, so nothing was begun") as refused:
        Deployer(mocked, words, clock).deploy(asked, DeployChoices(yes=True))
    assert "absent does not exist" in refused.value.detail[0]
    assert mocked.client("cloudformation").list_stacks()["StackSummaries"] == []
