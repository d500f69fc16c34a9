"""What the pipeline hands to the stacks that it deploys: names, values and files must fit them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from templates.cicd_pipeline import LlmServiceCicdPipelineStack
from templates.infra import LlmServiceInfraStack
from templates.smoke_test import LlmServiceSmokeTestStack
from templates.stack import Stack
from tests.iam.resolver import Resolver
from tests.templates.pipeline.rendering import Rendering
from tests.templates.pipeline.test_stages import action

Render = Callable[..., Rendering]

CONFIG = Path(__file__).parents[3] / "config"
FILES = sorted(CONFIG.glob("*.json"))
STACKS: dict[str, type[Stack]] = {
    stack.name: stack for stack in (LlmServiceInfraStack, LlmServiceCicdPipelineStack)
}


def overrides(rendering: Rendering, name: str) -> dict[str, str]:
    text = action(rendering, "Deploy", name)["Configuration"]["ParameterOverrides"]
    return dict(json.loads(text))


def test_overrides_name_parameters_that_the_stacks_have(render: Render) -> None:
    infra, smoke_test = LlmServiceInfraStack().to_dict(), LlmServiceSmokeTestStack().to_dict()
    assert set(overrides(render(), "CreateChangeSet")) <= set(infra["Parameters"])
    given = set(overrides(render(), "SmokeTestStack"))
    assert given <= set(smoke_test["Parameters"])
    required = {n for n, p in smoke_test["Parameters"].items() if "Default" not in p}
    assert required <= given


def test_the_variables_of_the_deployment_are_outputs_of_the_infrastructure(render: Render) -> None:
    text = json.dumps(overrides(render(), "SmokeTestStack"))
    used = set(re.findall(r"#\{InfraVariables\.(\w+)\}", text))
    assert used
    outputs = LlmServiceInfraStack().to_dict()["Outputs"]
    assert used <= set(outputs)
    assert [name for name in used if "Condition" in outputs[name]] == []


def test_the_exported_variables_are_those_that_actions_read(
    render: Render, template: dict[str, Any]
) -> None:
    read = set(re.findall(r"#\{BuildVariables\.(\w+)\}", json.dumps(template)))
    buildspec = (CONFIG.parent / "buildspec.yml").read_text()
    assert read
    for name in read:
        assert f"- {name}" in buildspec


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_each_environment_has_a_file_for_each_stack(environment: str) -> None:
    names = {path.name for path in FILES}
    assert {f"{environment}.{stack}.json" for stack in STACKS} <= names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_configuration_file_holds_values_that_its_stack_takes(path: Path) -> None:
    environment, _, name = path.stem.partition(".")
    configuration = json.loads(path.read_text())
    assert set(configuration) <= {"Parameters", "Tags", "StackPolicy"}
    template = STACKS[name]().to_dict()
    for parameter, value in configuration["Parameters"].items():
        definition = template["Parameters"][parameter]
        assert isinstance(value, str), f"{parameter}: CodePipeline takes text only"
        assert value in definition.get("AllowedValues", [value]), parameter
        assert re.fullmatch(definition.get("AllowedPattern", ".*"), value), parameter
        if "MinValue" in definition:
            assert definition["MinValue"] <= int(value) <= definition["MaxValue"], parameter
    assert configuration["Tags"]["Environment"] == environment
    if name == LlmServiceCicdPipelineStack.name:
        assert configuration["Parameters"]["EnvironmentName"] == environment


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_infrastructure_has_all_values_and_breaks_no_rule(environment: str) -> None:
    # CodePipeline cannot keep earlier values: what no file and no override gives is the default.
    template = LlmServiceInfraStack().to_dict()
    path = CONFIG / f"{environment}.{LlmServiceInfraStack.name}.json"
    values = json.loads(path.read_text())["Parameters"]
    missing = [
        name
        for name, parameter in template["Parameters"].items()
        if "Default" not in parameter and name not in {*values, "ImageTag"}
    ]
    assert missing == []
    assert Resolver(template, {**values, "ImageTag": "0123456789ab"}).broken_rules() == []


def test_no_environments_stack_begins_with_anothers_name() -> None:
    # The deploy role tells its stack's resources by <name>-, so a prefix would reach over.
    names = [
        json.loads(path.read_text())["Parameters"]["InfraStackName"]
        for path in CONFIG.glob(f"*.{LlmServiceCicdPipelineStack.name}.json")
    ]
    assert len(set(names)) == len(names) > 1
    for name in names:
        assert [other for other in names if other.startswith(f"{name}-")] == []


@pytest.mark.parametrize(
    "stack", [LlmServiceInfraStack, LlmServiceCicdPipelineStack, LlmServiceSmokeTestStack]
)
def test_no_stack_names_its_roles_and_policies(stack: type[Stack]) -> None:
    # A name would take CAPABILITY_NAMED_IAM, and the pipeline grants CAPABILITY_IAM only.
    names = {"RoleName", "ManagedPolicyName", "InstanceProfileName"}
    for resource in stack().to_dict()["Resources"].values():
        if resource["Type"].startswith("AWS::IAM::"):
            assert not names & set(resource["Properties"])


def test_the_capability_that_the_pipeline_grants(render: Render) -> None:
    for name in ("CreateChangeSet", "SmokeTestStack"):
        assert action(render(), "Deploy", name)["Configuration"]["Capabilities"] == "CAPABILITY_IAM"
