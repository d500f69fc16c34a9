"""The parameters as the console shows and checks them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from templates.infra import LlmServiceInfraStack
from templates.parameter import Parameter

PARAMETERS = LlmServiceInfraStack().parameters
BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


def accepts(name: str, value: str) -> bool:
    """Whether CloudFormation would take a value; Java's and Python's patterns agree on these."""
    parameter = BY_NAME[name]
    if parameter.allowed_values:
        return value in parameter.allowed_values
    if parameter.max_length is not None and len(value) > parameter.max_length:
        return False
    return re.fullmatch(parameter.allowed_pattern or ".*", value) is not None


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_each_has_a_default_that_it_accepts(parameter: Parameter) -> None:
    assert parameter.default is not None
    if parameter.type == "Number":
        assert parameter.min_value is not None
        assert parameter.max_value is not None
        assert parameter.min_value <= int(parameter.default) <= parameter.max_value
    else:
        assert accepts(parameter.name, str(parameter.default))


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_each_explains_what_it_refuses(parameter: Parameter) -> None:
    assert (parameter.constraint is None) == (parameter.allowed_pattern is None)


def test_all_are_grouped_and_labelled(template: Any) -> None:
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(BY_NAME)
    assert set(interface["ParameterLabels"]) == set(BY_NAME)
    labels = [label["default"] for label in interface["ParameterLabels"].values()]
    assert len(set(labels)) == len(labels)


# The families of each kind on EC2's instance type pages, November 2026.
ARM = [
    "a1.medium", "t4g.micro", "m6g.large", "m6gd.large", "m7g.large", "m7gd.large", "m8g.large",
    "c6g.large", "c6gd.large", "c6gn.large", "c7g.large", "c7gd.large", "c7gn.large",
    "c8g.large", "r6g.large", "r6gd.large", "r7g.large", "r7gd.large", "r8g.large",
    "x2gd.large", "x8g.large", "im4gn.large", "is4gen.large", "i4g.large", "i8g.large",
    "g5g.xlarge", "hpc7g.4xlarge", "p6e-gb200.36xlarge", "mac2.metal", "mac2-m2.metal",
]  # fmt: skip
X86 = [
    "t2.micro", "t3.micro", "t3a.large", "m5.large", "m5dn.large", "m6i.large", "m6a.xlarge",
    "m7i-flex.large", "m8i.large", "c5.large", "c6in.large", "c7i.metal-24xl", "r5b.large",
    "r6i.2xlarge", "r7iz.large", "x2iedn.large", "i4i.large", "d3en.large", "g4dn.xlarge",
    "g5.12xlarge", "g6.xlarge", "g6e.2xlarge", "gr6.4xlarge", "p3.2xlarge", "p4d.24xlarge",
    "p4de.24xlarge", "p5.48xlarge", "p5en.48xlarge", "u-6tb1.metal", "z1d.large",
]  # fmt: skip
OTHER = [
    "g4ad.xlarge", "inf2.xlarge", "trn1.2xlarge", "dl1.24xlarge", "vt1.3xlarge", "f1.2xlarge",
    "t3.nano",
]  # fmt: skip


@pytest.mark.parametrize("name", ["InstanceType", "AlternativeType"])
@pytest.mark.parametrize("kind", [*ARM, *OTHER])
def test_types_that_the_image_cannot_run_on_are_refused(name: str, kind: str) -> None:
    assert not accepts(name, kind)
    assert "ARM" in str(BY_NAME[name].constraint)


@pytest.mark.parametrize("name", ["InstanceType", "AlternativeType"])
@pytest.mark.parametrize("kind", X86)
def test_every_other_type_is_taken(name: str, kind: str) -> None:
    assert accepts(name, kind)


@pytest.mark.parametrize(
    ("name", "value", "is_taken"),
    [
        ("ImageTag", "1a2b3c4", True),
        ("ImageTag", "latest", True),
        ("ImageTag", "sha256:" + "a" * 64, True),
        ("ImageTag", "sha256:abc", False),
        ("ImageTag", "v1'; rm -rf /", False),
        ("ImageTag", "-x", False),
        ("EcrRepositoryName", "team/llm-service", True),
        ("EcrRepositoryName", "123.dkr.ecr.eu-west-1.amazonaws.com/llm:1", False),
        ("ModelName", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", True),
        ("ModelName", "a b", False),
        ("ModelName", "$(reboot)", False),
        ("WeightsLocation", "s3://bucket/models/deepseek", True),
        ("WeightsLocation", "s3://bucket/models/", False),
        ("WeightsLocation", "https://bucket/x", False),
        ("ExtraEnvironment", "MAX_BATCH_SIZE=4,DTYPE=float32", True),
        ("ExtraEnvironment", "A=", True),
        ("ExtraEnvironment", "A=1\nB=2", False),
        ("ExtraEnvironment", "A='1'", False),
        ("ExtraEnvironment", "A=$(id)", False),
        ("ExtraEnvironment", "a=1", False),
        ("VpcCidr", "10.0.0.0/16", True),
        ("VpcCidr", "10.0.0.0/24", False),
        ("ExistingSubnetIds", "subnet-11111111", False),
        ("NamespaceName", "llm-service", True),
        ("NamespaceName", "LLM", False),
        ("TokenSecretArn", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:t-Ab12", True),
        ("TokenSecretArn", "t", False),
        ("AlarmEmail", "ops@example.com", True),
        ("AlarmEmail", "ops", False),
        ("AmiId", "ami-0123456789abcdef0", True),
        ("AmiParameter", "aws/service", False),
        ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/team/boundary", True),
    ],
)
def test_values(name: str, value: str, is_taken: bool) -> None:
    assert accepts(name, value) is is_taken
