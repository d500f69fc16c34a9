from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

from deployment.aws import Aws
from deployment.clock import Clock
from tests.deployment.fakes import REGION, FakeClock, ScriptedAws, Words

_SETTINGS = ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "MANUAL_DEPLOY")


@pytest.fixture(autouse=True)
def no_machine_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keeps the machine's own AWS settings out of every test."""
    for name in (*_SETTINGS, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def words() -> Words:
    return Words()


@pytest.fixture
def scripted() -> Iterator[ScriptedAws]:
    """AWS that answers by a script; every answer has to be used."""
    aws = ScriptedAws()
    yield aws
    aws.assert_done()


@pytest.fixture
def mocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """moto in place of AWS, and a clock that never waits for the commands themselves."""
    monkeypatch.setattr(Clock, "sleep", lambda self, seconds: None)
    monkeypatch.setattr(
        CloudFormationResponse,
        "update_termination_protection",
        _update_termination_protection,
        raising=False,
    )
    with mock_aws():
        # One session for all tests: reading botocore's models anew takes most of a test's time.
        monkeypatch.setattr(Aws, "_session", _shared_session())
        yield Aws(region=REGION)


@functools.cache
def _shared_session() -> Any:
    return boto3.Session()


def _update_termination_protection(self: CloudFormationResponse) -> ActionResult:
    """moto reads termination protection at creation only; this lets it change."""
    stack = self.cloudformation_backend.get_stack(self._get_param("StackName"))
    stack.enable_termination_protection = self._get_bool_param("EnableTerminationProtection")
    return ActionResult({"StackId": stack.stack_id})
