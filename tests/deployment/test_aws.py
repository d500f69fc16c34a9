from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deployment.aws import Aws
from deployment.errors import UsageError

ROOT = Path(__file__).parents[2]


def test_without_any_region_says_where_one_can_be_named() -> None:
    with pytest.raises(UsageError, match="no AWS region is set") as refused:
        Aws().region  # noqa: B018 - the access itself is tested
    assert "--region" in refused.value.remedy
    assert "AWS_REGION" in refused.value.where


def test_region_comes_from_argument_then_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    assert Aws().region == "eu-west-3"
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert Aws().region == "eu-west-2"
    assert Aws(region="eu-west-1").region == "eu-west-1"


def test_region_comes_from_the_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[profile ours]\nregion = ap-south-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    assert Aws(profile="ours").region == "ap-south-1"


def test_clients_are_made_once_a_service_and_region() -> None:
    aws = Aws(region="eu-west-1")
    assert aws.client("sns") is aws.client("sns")
    assert aws.client("sns", region="us-east-1").meta.region_name == "us-east-1"
    assert aws.client("sns").meta.region_name == "eu-west-1"


def test_identity_comes_from_the_credentials(mocked: Aws) -> None:
    assert mocked.account == "123456789012"
    assert mocked.partition == "aws"
    assert mocked.console == "https://eu-west-1.console.aws.amazon.com"


def test_the_command_line_imports_nothing_heavy() -> None:
    heavy = "{'boto3', 'botocore', 'cfnlint', 'troposphere', 'grpc', 'yaml'}"
    code = f"import deployment.command_line, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
