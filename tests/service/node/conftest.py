from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from llm_service.node import registration
from llm_service.node.aws_api import AwsApi
from llm_service.node.instance_identity import InstanceIdentity
from llm_service.node.settings import Settings
from tests.doubles.aws import REGION, Aws
from tests.doubles.health_server import HealthServer
from tests.doubles.metadata import Metadata

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def shared_aws() -> Iterator[Aws]:
    """One double a module: two at once would patch moto twice."""
    double = Aws()
    double.start()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("AWS_ENDPOINT_URL", double.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield double
    double.stop()


@pytest.fixture(scope="module")
def shared_api(shared_aws: Aws) -> AwsApi:
    """The calls, whose clients take a while to make."""
    return AwsApi(REGION)


@pytest.fixture
def aws(shared_aws: Aws) -> Iterator[Aws]:
    """AWS without faults."""
    shared_aws.faults.calls.clear()
    yield shared_aws
    shared_aws.cloud_map.operation_seconds = 0.05
    shared_aws.cloud_map.failures = 0
    shared_aws.faults.throttled = False
    shared_aws.faults.out = False
    shared_aws.faults.denied.clear()
    shared_aws.faults.denied_code = "AccessDenied"
    shared_aws.lifecycle.waiting.clear()
    shared_aws.lifecycle.completed.clear()
    shared_aws.lifecycle.heartbeats.clear()
    shared_aws.lifecycle.signals.clear()
    shared_aws.lifecycle.rollout = True


@pytest.fixture(autouse=True)
def _quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "OPERATION_POLL_SECONDS", 0.05)


@pytest.fixture
def api(aws: Aws, shared_api: AwsApi) -> AwsApi:
    return shared_api


@pytest.fixture
def service_id(aws: Aws) -> str:
    return aws.create_service(f"service-{next(NUMBERS)}")


@pytest.fixture
def group(aws: Aws) -> str:
    """An Auto Scaling group of two instances."""
    name = f"node-{next(NUMBERS)}"
    aws.create_group(name, 2)
    return name


@pytest.fixture
def identity(aws: Aws, group: str) -> InstanceIdentity:
    """The first instance of the group."""
    return InstanceIdentity(aws.group_instances(group)[0], "10.0.1.5", f"{REGION}a", REGION)


@pytest.fixture
def metadata_double(identity: InstanceIdentity) -> Iterator[Metadata]:
    double = Metadata(identity.instance_id, identity.private_ip)
    yield double
    double.stop()


@pytest.fixture
async def health_server() -> AsyncIterator[HealthServer]:
    double = HealthServer()
    await double.start()
    yield double
    await double.stop()


@pytest.fixture
def settings(service_id: str, tmp_path: Path) -> Settings:
    """Settings with times that suit a test."""
    return Settings(
        cloud_map_service_id=service_id,
        stack_name="LlmServiceInfraStack",
        signal_logical_id="AutoScalingGroup",
        lifecycle_hook_name="Drain",
        signal_deadline_seconds=30,
        record_ttl_seconds=0.1,
        drain_seconds=5,
        probe_interval_seconds=0.1,
        probe_timeout_seconds=0.5,
        unhealthy_seconds=30,
        verify_seconds=0.3,
        metadata_interval_seconds=0.1,
        heartbeat_seconds=0.1,
        drain_request_file=tmp_path / "drain",
        signal_record_file=tmp_path / "signal",
    )
