"""The stages and actions, as each configuration has them."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.templates.pipeline.conftest import CONNECTION
from tests.templates.pipeline.rendering import Rendering

Render = Callable[..., Rendering]

CHOICES: dict[str, tuple[str, ...]] = {
    "ConnectionArn": ("", CONNECTION),
    "ImageVariants": ("cpu", "cuda", "cpu-and-cuda"),
    "DeploymentMode": ("change-set", "replace-on-failure"),
    "ManualApproval": ("false", "true"),
    "SmokeTest": ("true", "false"),
    "SelfUpdate": ("true", "false"),
}
VARIABLE = re.compile(r"#\{(\w+)\.(\w+)\}")


def stages(rendering: Rendering) -> dict[str, list[dict[str, Any]]]:
    return {stage["Name"]: stage["Actions"] for stage in rendering.properties("Pipeline")["Stages"]}


def in_order(actions: list[dict[str, Any]]) -> list[str]:
    return [action["Name"] for action in sorted(actions, key=lambda a: int(a.get("RunOrder", 1)))]


def action(rendering: Rendering, stage: str, name: str) -> dict[str, Any]:
    (found,) = [action for action in stages(rendering)[stage] if action["Name"] == name]
    return found


def variables(found: dict[str, Any]) -> dict[str, str]:
    entries = json.loads(found["Configuration"]["EnvironmentVariables"])
    return {entry["name"]: entry["value"] for entry in entries}


def test_the_stages_and_that_the_pipeline_updates_itself_before_the_service(render: Render) -> None:
    assert list(stages(render())) == ["Source", "Build", "UpdatePipeline", "Deploy"]
    assert list(stages(render(SelfUpdate="false"))) == ["Source", "Build", "Deploy"]


def test_a_run_that_changed_the_pipeline_is_started_again(render: Render) -> None:
    # CodePipeline cancels the execution whose pipeline changes under it.
    assert render().properties("Pipeline")["RestartExecutionOnUpdate"] is True


def test_a_newer_run_replaces_those_that_wait(render: Render) -> None:
    assert render().properties("Pipeline")["ExecutionMode"] == "SUPERSEDED"


@pytest.mark.parametrize("values", list(itertools.product(*CHOICES.values())))
def test_every_configuration_is_a_pipeline_that_codepipeline_takes(
    render: Render, values: tuple[str, ...]
) -> None:
    rendering = render(**dict(zip(CHOICES, values, strict=True)))
    produced: set[str] = set()
    namespaces: dict[str, int] = {}
    position = 0
    for stage_number, (_, actions) in enumerate(stages(rendering).items()):
        names = [action["Name"] for action in actions]
        assert len(names) == len(set(names)) > 0
        orders = sorted({int(action.get("RunOrder", 1)) for action in actions})
        for order in orders:
            position += 1
            parallel = [a for a in actions if int(a.get("RunOrder", 1)) == order]
            for one in parallel:
                inputs = {artifact["Name"] for artifact in one.get("InputArtifacts", [])}
                assert inputs <= produced, one["Name"]
                for namespace, _ in VARIABLE.findall(json.dumps(one)):
                    assert namespaces[namespace] < position, one["Name"]
                if stage_number == 0:
                    assert one["ActionTypeId"]["Category"] == "Source"
                for key, value in one["Configuration"].items():
                    assert isinstance(value, str), f"{one['Name']}: {key} must be text"
                    assert len(value) <= 1000, f"{one['Name']}: {key}"
            for one in parallel:
                outputs = {artifact["Name"] for artifact in one.get("OutputArtifacts", [])}
                assert not outputs & produced
                produced |= outputs
                if "Namespace" in one:
                    assert one["Namespace"] not in namespaces
                    namespaces[one["Namespace"]] = position


def test_the_build_knows_its_commit_and_its_variant(render: Render) -> None:
    for variants, expected in (("cpu", "cpu"), ("cuda", "cuda"), ("cpu-and-cuda", "cpu")):
        build = action(render(ImageVariants=variants), "Build", "Build")
        assert variables(build) == {
            "IMAGE_VARIANT": expected,
            "COMMIT_ID": "#{SourceVariables.CommitId}",
        }
        assert build["Namespace"] == "BuildVariables"


def test_both_images_are_built_side_by_side_when_asked(render: Render) -> None:
    assert in_order(stages(render(ImageVariants="cuda"))["Build"]) == ["Build"]
    rendering = render(ImageVariants="cpu-and-cuda")
    assert in_order(stages(rendering)["Build"]) == ["Build", "BuildCuda"]
    cuda = action(rendering, "Build", "BuildCuda")
    assert variables(cuda)["IMAGE_VARIANT"] == "cuda"
    assert cuda.get("RunOrder", 1) == 1


def test_a_change_set_is_made_shown_and_executed(render: Render) -> None:
    rendering = render(ManualApproval="true")
    assert in_order(stages(rendering)["Deploy"]) == [
        "CreateChangeSet",
        "Approve",
        "ShieldImages",
        "ExecuteChangeSet",
        "SmokeTestStack",
        "Verify",
    ]
    create = action(rendering, "Deploy", "CreateChangeSet")["Configuration"]
    execute = action(rendering, "Deploy", "ExecuteChangeSet")["Configuration"]
    assert create["ActionMode"] == "CHANGE_SET_REPLACE"
    assert execute["ActionMode"] == "CHANGE_SET_EXECUTE"
    for key in ("StackName", "ChangeSetName"):
        assert create[key] == execute[key]


def test_a_failed_stack_is_replaced_when_asked(render: Render) -> None:
    rendering = render(DeploymentMode="replace-on-failure")
    assert in_order(stages(rendering)["Deploy"]) == [
        "ShieldImages",
        "Deploy",
        "SmokeTestStack",
        "Verify",
    ]
    deploy = action(rendering, "Deploy", "Deploy")["Configuration"]
    assert deploy["ActionMode"] == "REPLACE_ON_FAILURE"
    assert deploy["RoleArn"] == "<InfraDeployRole.Arn>"


def test_approval_and_smoke_test_can_be_left_out(render: Render) -> None:
    names = in_order(stages(render(SmokeTest="false"))["Deploy"])
    assert names == ["CreateChangeSet", "ShieldImages", "ExecuteChangeSet", "Verify"]


@pytest.mark.parametrize("mode", CHOICES["DeploymentMode"])
def test_the_image_tag_of_this_run_is_deployed(render: Render, mode: str) -> None:
    rendering = render(DeploymentMode=mode, EcrRepositoryName="team/llm")
    name = "CreateChangeSet" if mode == "change-set" else "Deploy"
    overrides = action(rendering, "Deploy", name)["Configuration"]["ParameterOverrides"]
    assert len(overrides) <= 1024
    assert json.loads(overrides) == {
        "ImageTag": "#{BuildVariables.IMAGE_TAG}",
        "EcrRepositoryName": "team/llm",
        "PermissionsBoundaryArn": "<RoleBoundary>",
    }


def test_the_smoke_test_is_told_where_the_service_is(render: Render) -> None:
    configuration = action(render(), "Deploy", "SmokeTestStack")["Configuration"]
    overrides = json.loads(configuration["ParameterOverrides"])
    assert overrides["ServiceAddress"] == "#{InfraVariables.EndpointName}:50051"
    assert configuration["StackName"] == "LlmServiceInfraStack-smoke"
    assert action(render(), "Deploy", "ExecuteChangeSet")["Namespace"] == "InfraVariables"
    started = render().properties("DeployProject")["Environment"]["EnvironmentVariables"]
    values = {entry["Name"]: entry["Value"] for entry in started}
    assert values["SMOKE_TEST_PROJECT"] == configuration["StackName"] + "-test"


def test_a_person_who_approves_sees_the_image_and_the_change_set(render: Render) -> None:
    rendering = render(ManualApproval="true")
    configuration = action(rendering, "Deploy", "Approve")["Configuration"]
    assert configuration["NotificationArn"] == "<PipelineTopic>"
    assert "#{BuildVariables.IMAGE_TAG}" in configuration["CustomData"]
    assert "LlmServiceInfraStack" in configuration["ExternalEntityLink"]
