from __future__ import annotations

from datetime import timedelta

import pytest
from rich.console import Console

from deployment.status_collector import StatusCollector, age_text
from deployment.status_row import StatusRow
from deployment.status_view import status_view
from tests.deployment.fakes import START, FakeClock, ScriptedAws, stack


def resource(type_name: str, physical_id: str) -> dict[str, object]:
    return {
        "LogicalResourceId": "X",
        "PhysicalResourceId": physical_id,
        "ResourceType": type_name,
        "ResourceStatus": "CREATE_COMPLETE",
        "LastUpdatedTimestamp": START,
    }


def deploy(aws: ScriptedAws, *resources: dict[str, object], **others: object) -> None:
    aws.answer("cloudformation", "describe_stacks", stack("UPDATE_COMPLETE", **others))
    aws.answer(
        "cloudformation", "list_stack_resources", {"StackResourceSummaries": list(resources)}
    )


def test_an_absent_stack_is_said_to_be_absent(scripted: ScriptedAws, clock: FakeClock) -> None:
    scripted.refuse("cloudformation", "describe_stacks", "ValidationError", "does not exist")
    (row,) = StatusCollector(scripted, clock).collect("demo")
    assert row == StatusRow("stack", "demo", "not deployed", "in eu-west-1", well=False)


def test_a_service_stack_shows_image_group_and_instances_with_health(
    scripted: ScriptedAws, clock: FakeClock
) -> None:
    deploy(
        scripted,
        resource("AWS::AutoScaling::AutoScalingGroup", "demo-fleet"),
        resource("AWS::ServiceDiscovery::Service", "srv-1"),
        Parameters=[
            {"ParameterKey": "ImageTag", "ParameterValue": "abc1234"},
            {"ParameterKey": "EcrRepositoryName", "ParameterValue": "ours"},
        ],
        EnableTerminationProtection=True,
    )
    image = {
        "imageDigest": "sha256:1",
        "imagePushedAt": START - timedelta(hours=3),
        "imageTags": ["abc1234", "latest"],
        "imageSizeInBytes": 412_000_000,
    }
    scripted.answer("ecr", "describe_images", {"imageDetails": [image]})
    scripted.answer(
        "servicediscovery", "list_instances", {"Instances": [{"Id": "i-1"}, {"Id": "i-2"}]}
    )
    scripted.answer(
        "servicediscovery",
        "get_instances_health_status",
        {"Status": {"i-1": "HEALTHY", "i-2": "UNHEALTHY"}},
    )
    members = [
        {
            "InstanceId": name,
            "InstanceType": "t3.micro",
            "AvailabilityZone": "eu-west-1a",
            "LifecycleState": "InService",
            "HealthStatus": "Healthy",
            "ProtectedFromScaleIn": False,
        }
        for name in ("i-1", "i-2", "i-3")
    ]
    group = {
        "AutoScalingGroupName": "demo-fleet",
        "MinSize": 1,
        "MaxSize": 4,
        "DesiredCapacity": 3,
        "DefaultCooldown": 1,
        "AvailabilityZones": [],
        "HealthCheckType": "EC2",
        "CreatedTime": START,
        "Instances": members,
    }
    scripted.answer("autoscaling", "describe_auto_scaling_groups", {"AutoScalingGroups": [group]})
    clock.sleep(7200)
    rows = list(StatusCollector(scripted, clock).collect("demo"))
    assert rows == [
        StatusRow("stack", "demo", "UPDATE_COMPLETE", "changed 2 h ago, protected"),
        StatusRow("image", "ours:abc1234", "deployed", "pushed 5 h ago, 412 MB, also latest"),
        StatusRow("group", "demo-fleet", "3 of 3", "between 1 and 4"),
        StatusRow(
            "instance", "i-1", "InService", "t3.micro eu-west-1a Healthy, discovery: HEALTHY"
        ),
        StatusRow(
            "instance",
            "i-2",
            "InService",
            "t3.micro eu-west-1a Healthy, discovery: UNHEALTHY",
            well=False,
        ),
        StatusRow(
            "instance",
            "i-3",
            "InService",
            "t3.micro eu-west-1a Healthy, discovery: not registered",
            well=False,
        ),
    ]


def test_a_pipeline_stack_shows_its_stages_and_why_one_failed(
    scripted: ScriptedAws, clock: FakeClock
) -> None:
    deploy(scripted, resource("AWS::CodePipeline::Pipeline", "demo-pipeline"))
    source = {
        "actionName": "a",
        "latestExecution": {"status": "Succeeded", "lastStatusChange": START},
    }
    build = {
        "actionName": "b",
        "latestExecution": {
            "status": "Failed",
            "lastStatusChange": START,
            "errorDetails": {"code": "JobFailed", "message": "Build terminated"},
        },
    }
    stages = [
        ("Source", "Succeeded", [source]),
        ("Build", "Failed", [build]),
        ("Deploy", None, []),
    ]
    states = [
        {
            "stageName": name,
            "actionStates": actions,
            **(
                {"latestExecution": {"pipelineExecutionId": "1", "status": status}}
                if status
                else {}
            ),
        }
        for name, status, actions in stages
    ]
    scripted.answer(
        "codepipeline", "get_pipeline_state", {"stageStates": states}, name="demo-pipeline"
    )
    clock.sleep(90)
    rows = list(StatusCollector(scripted, clock).collect("demo"))[1:]
    assert rows == [
        StatusRow("stage", "Source", "Succeeded", "1 min ago"),
        StatusRow("stage", "Build", "Failed", "1 min ago Build terminated", well=False),
        StatusRow("stage", "Deploy", "never ran", ""),
    ]


def test_an_image_that_is_gone_is_not_well(scripted: ScriptedAws, clock: FakeClock) -> None:
    entry = {"ParameterKey": "ImageTag", "ParameterValue": "gone"}
    deploy(scripted, Parameters=[entry])
    scripted.refuse("ecr", "describe_images", "ImageNotFoundException")
    rows = list(StatusCollector(scripted, clock).collect("demo"))
    assert rows[1] == StatusRow("image", "llm-service:gone", "missing", "not in ECR", well=False)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (3_599, "59 min"), (7_200, "2 h"), (200_000, "2 d")],
)
def test_ages_are_told_in_their_largest_unit(seconds: int, text: str) -> None:
    assert age_text(timedelta(seconds=seconds)) == text


def test_one_table_holds_all_rows() -> None:
    rows = [
        StatusRow("stack", "demo", "OK", "fine"),
        StatusRow("stage", "[Build]", "Failed", "[x]"),
    ]
    console = Console(width=120)
    with console.capture() as captured:
        console.print(status_view(rows))
    lines = captured.get().splitlines()
    assert lines[0].split() == ["what", "name", "state", "detail"]
    assert lines[2].split() == ["stage", "[Build]", "Failed", "[x]"]
