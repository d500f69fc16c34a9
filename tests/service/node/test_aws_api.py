from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from llm_service.node.aws_api import AwsApi, error_code
from tests.doubles.aws import REGION, Aws
from tests.doubles.metadata import Metadata


async def test_answers_what_the_service_says(api: AwsApi, service_id: str) -> None:
    answer = await api.call("servicediscovery", "list_instances", ServiceId=service_id)
    assert answer["Instances"] == []


async def test_gives_the_code_of_a_refusal(api: AwsApi) -> None:
    with pytest.raises(ClientError) as refusal:
        await api.call("servicediscovery", "list_instances", ServiceId="srv-none")
    assert error_code(refusal.value) == "ServiceNotFound"


async def test_does_not_block_the_loop_while_an_api_hangs(
    api: AwsApi, aws: Aws, service_id: str
) -> None:
    aws.faults.out = True
    aws.faults.out_seconds = 0.3
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with pytest.raises(ClientError):
        await api.call("servicediscovery", "list_instances", ServiceId=service_id)
    ticking.cancel()
    assert ticks > 5


async def test_nobody_there_is_a_botocore_error(monkeypatch: pytest.MonkeyPatch, aws: Aws) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(BotoCoreError):
        await AwsApi(REGION).call("servicediscovery", "list_instances", ServiceId="srv-a")


async def test_clients_with_stale_credentials_are_let_go(api: AwsApi, service_id: str) -> None:
    await api.call("servicediscovery", "list_instances", ServiceId=service_id)
    before = weakref.ref(api._clients["servicediscovery"])
    gc.disable()  # only what the program itself collects counts
    try:
        api._start_over("ExpiredToken")
        await api.call("servicediscovery", "list_instances", ServiceId=service_id)
        assert before() is None
    finally:
        gc.enable()


@pytest.fixture
def role(metadata_double: Metadata, monkeypatch: pytest.MonkeyPatch) -> Metadata:
    """Credentials of an instance's role, and no others."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata_double.url)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    return metadata_double


async def test_recovers_from_a_start_without_credentials(
    aws: Aws, service_id: str, role: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = AwsApi(REGION)
    with monkeypatch.context() as away:
        away.setattr(role, "value", lambda path: None)
        with pytest.raises(NoCredentialsError):
            await api.call("servicediscovery", "list_instances", ServiceId=service_id)
    answer = await api.call("servicediscovery", "list_instances", ServiceId=service_id)
    assert answer["Instances"] == []


@pytest.mark.parametrize("code", ["ExpiredTokenException", "RequestExpired"])
async def test_fetches_credentials_anew_when_they_are_refused(
    aws: Aws, service_id: str, role: Metadata, code: str
) -> None:
    api = AwsApi(REGION)
    await api.call("servicediscovery", "list_instances", ServiceId=service_id)
    fetched = role.requests.count("iam/security-credentials/role")
    assert fetched >= 1

    aws.faults.denied = {"ListInstances"}
    aws.faults.denied_code = code
    with pytest.raises(ClientError, match=code):
        await api.call("servicediscovery", "list_instances", ServiceId=service_id)
    aws.faults.denied.clear()
    await api.call("servicediscovery", "list_instances", ServiceId=service_id)
    assert role.requests.count("iam/security-credentials/role") > fetched


async def test_makes_clients_in_several_threads_at_once(aws: Aws, service_id: str) -> None:
    api = AwsApi(REGION)
    calls = [
        api.call("servicediscovery", "list_instances", ServiceId=service_id),
        api.call("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=["none"]),
        api.call("autoscaling", "describe_auto_scaling_instances", InstanceIds=["i-0"]),
    ]
    assert len(await asyncio.gather(*calls)) == 3
