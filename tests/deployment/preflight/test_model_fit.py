"""Does the model fit on the types that a stack asks for?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deployment.aws import Aws
from deployment.deploy_settings import DeploySettings
from deployment.preflight.check_result import CheckResult, CheckStatus
from deployment.preflight.model_fit import check_model_fit
from deployment.preflight.preflight_context import PreflightContext
from deployment.template_source import TemplateSource
from tests.deployment.fakes import REGION


def check(mocked: Aws, model: str | None, *types: str) -> list[CheckResult]:
    overrides = [{"InstanceType": name} for name in types]
    template: dict[str, Any] = {
        "Parameters": {} if model is None else {"ModelName": {"Type": "String", "Default": model}},
        "Resources": {
            "Group": {
                "Type": "AWS::AutoScaling::AutoScalingGroup",
                "Properties": {
                    "MixedInstancesPolicy": {"LaunchTemplate": {"Overrides": overrides}}
                },
            }
        },
    }
    source = TemplateSource("demo.json", json.dumps(template))
    settings = DeploySettings(stack_name="demo", template=source)
    return list(check_model_fit(PreflightContext(Aws(region=REGION), settings)))


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def test_the_defaults_fit_each_other(mocked: Aws) -> None:
    results = check(mocked, "HuggingFaceTB/SmolLM2-135M-Instruct", "t3.micro", "t3a.micro")
    assert [result.status for result in results] == [CheckStatus.PASSED] * 2


def test_the_smallest_type_that_fits_is_named(mocked: Aws) -> None:
    small, large = check(mocked, "Qwen/Qwen2.5-7B-Instruct", "t3.micro", "t3.xlarge")
    assert small.blocks
    assert "t3.micro has 1 GiB" in small.message
    assert small.remedy == "take t3.xlarge or a larger type"
    assert large.status is CheckStatus.PASSED


def test_a_gpu_is_measured_by_its_own_memory(mocked: Aws) -> None:
    (result,) = check(mocked, "Qwen/Qwen3-8B", "g4dn.xlarge")
    assert result.blocks
    assert "g4dn.xlarge has 16 GiB of GPU memory" in result.message
    assert result.remedy == "take g5.xlarge or a larger type"


def test_types_that_are_in_no_table_are_asked_of_ec2(mocked: Aws) -> None:
    (result,) = check(mocked, "Qwen/Qwen3-8B", "c5.large")
    assert result.blocks
    assert "c5.large has 4 GiB" in result.message


def test_a_folder_is_read(mocked: Aws, tmp_path: Path) -> None:
    config = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "vocab_size": 100,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (result,) = check(mocked, str(tmp_path), "t3.micro")
    assert result.status is CheckStatus.PASSED


def test_an_unknown_model_is_a_warning_that_says_how_to_know(mocked: Aws) -> None:
    (result,) = check(mocked, "somebody/else", "t3.micro")
    assert result.is_warning
    assert "hf download somebody/else config.json" in result.remedy


def test_a_stack_without_a_model_is_skipped(mocked: Aws) -> None:
    (result,) = check(mocked, None, "t3.micro")
    assert result.status is CheckStatus.SKIPPED
