"""What CloudFormation refuses before it makes the first resource."""

from __future__ import annotations

from typing import Any

import pytest

from templates.instance_type import INSTANCE_TYPES
from templates.model_size import MODEL_SIZES, ModelSize

T3_TYPES = [kind for kind in INSTANCE_TYPES if kind.name.startswith("t3")]


def refusals(deploy: Any, **parameters: str) -> list[str]:
    sentences: list[str] = deploy(**parameters).resolver.broken_rules()
    return sentences


def test_the_defaults_are_taken(deploy: Any) -> None:
    assert refusals(deploy) == []


@pytest.mark.parametrize("model", MODEL_SIZES, ids=lambda model: model.name)
def test_a_known_model_is_refused_on_types_that_are_too_small(
    deploy: Any, model: ModelSize
) -> None:
    smallest = model.smallest_type()
    assert smallest is not None
    for kind in T3_TYPES:
        for other in T3_TYPES:
            sentences = refusals(
                deploy,
                ModelName=model.name,
                InstanceType=kind.name,
                AlternativeType=other.name,
            )
            if model.fits(kind) and model.fits(other):
                assert sentences == []
            else:
                assert sentences == [f"The model needs {smallest.name} or a larger type."]


def test_an_unknown_model_is_left_to_preflight(deploy: Any) -> None:
    assert refusals(deploy, ModelName="somebody/else") == []


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"MinSize": "4"}, "MaxSize must exceed MinSize"),
        ({"ExistingVpcId": "vpc-12345678"}, "Give ExistingVpcId and ExistingSubnetIds together"),
        (
            {"ExistingSubnetIds": "subnet-11111111,subnet-22222222"},
            "Give ExistingVpcId and ExistingSubnetIds together",
        ),
        (
            {"NatGateways": "none", "WeightsLocation": "s3://bucket/model"},
            "set VpcEndpoints to true",
        ),
        ({"NatGateways": "none", "VpcEndpoints": "true"}, "set WeightsLocation"),
    ],
)
def test_what_cannot_work_says_what_to_do(
    deploy: Any, parameters: dict[str, str], sentence: str
) -> None:
    (refusal,) = refusals(deploy, **parameters)
    assert sentence in refusal


@pytest.mark.parametrize(
    "parameters",
    [
        {"NatGateways": "none", "VpcEndpoints": "true", "WeightsLocation": "s3://bucket/model"},
        {
            "NatGateways": "none",
            "ExistingVpcId": "vpc-12345678",
            "ExistingSubnetIds": "subnet-11111111,subnet-22222222",
        },
    ],
)
def test_ways_out_without_nat(deploy: Any, parameters: dict[str, str]) -> None:
    assert refusals(deploy, **parameters) == []
