"""What holds for the pipeline stack's template as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from templates.cicd_pipeline import LlmServiceCicdPipelineStack
from templates.smoke_test import LlmServiceSmokeTestStack
from templates.stack import SECTION_ORDER, Stack

GOLDEN = Path(__file__).parents[1] / "golden"
STACKS = (LlmServiceCicdPipelineStack, LlmServiceSmokeTestStack)

# Where CloudFormation stops taking a template in the request itself.
INLINE_BYTES = 51_200


@pytest.mark.parametrize("stack", STACKS)
def test_the_golden_copy_is_what_the_source_makes(stack: type[Stack]) -> None:
    made = stack()
    assert (GOLDEN / made.file_name).read_text(encoding="ascii") == made.to_json(), (
        "run make golden and look at the difference"
    )


@pytest.mark.parametrize("stack", STACKS)
def test_it_fits_into_a_request(stack: type[Stack]) -> None:
    assert len(stack().to_json().encode()) < INLINE_BYTES


@pytest.mark.parametrize("stack", STACKS)
def test_its_sections_are_in_reading_order(stack: type[Stack]) -> None:
    sections = list(json.loads(stack().to_json()))
    assert sections == [section for section in SECTION_ORDER if section in sections]


def actions(node: Any) -> list[str]:
    """Returns every action of every policy below a node."""
    if isinstance(node, list):
        return [action for item in node for action in actions(item)]
    if not isinstance(node, dict):
        return []
    own = node.get("Action", []) if "Effect" in node else []
    return [*([own] if isinstance(own, str) else own), *actions(list(node.values()))]


@pytest.mark.parametrize("stack", STACKS)
def test_no_statement_allows_everything(stack: type[Stack]) -> None:
    found = actions(json.loads(stack().to_json()))
    assert found
    assert "*" not in found
    assert all(action.partition(":")[0] != "*" for action in found)


@pytest.mark.parametrize("stack", STACKS)
def test_every_parameter_says_what_it_takes(stack: type[Stack]) -> None:
    for parameter in stack().parameters:
        assert parameter.description, parameter.name
        assert not parameter.allowed_pattern or parameter.constraint, parameter.name


def test_no_parameter_is_without_a_value() -> None:
    # CodePipeline and a first click in the console give only what they are told.
    template = json.loads(LlmServiceCicdPipelineStack().to_json())
    assert [n for n, p in template["Parameters"].items() if "Default" not in p] == []


def test_its_components_are_those_of_the_design() -> None:
    template = json.loads(LlmServiceCicdPipelineStack().to_json())
    types = [resource["Type"] for resource in template["Resources"].values()]
    assert types.count("AWS::CodePipeline::Pipeline") == 1
    assert types.count("AWS::ECR::Repository") == 1
    assert "AWS::CodePipeline::Webhook" in types
    assert "AWS::S3::Bucket" in types
    assert types.count("AWS::CodeBuild::Project") == 3
