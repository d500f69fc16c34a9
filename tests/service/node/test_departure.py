from __future__ import annotations

import asyncio

import pytest

from llm_service.node import departure as departure_module
from llm_service.node.auto_scaling import AutoScaling
from llm_service.node.aws_api import AwsApi
from llm_service.node.departure import Departure
from llm_service.node.drain_request import DrainRequest
from llm_service.node.instance_identity import InstanceIdentity
from llm_service.node.leave_reason import LeaveReason
from llm_service.node.registration import Registration
from llm_service.node.settings import Settings
from tests.doubles.aws import Aws
from tests.doubles.until import until


@pytest.fixture
async def registration(api: AwsApi, service_id: str, identity: InstanceIdentity) -> Registration:
    registered = Registration(api, service_id, identity)
    await registered.reconcile(healthy=True, verify=False)
    return registered


@pytest.fixture
def departure(
    settings: Settings, api: AwsApi, identity: InstanceIdentity, registration: Registration
) -> Departure:
    return Departure(
        settings,
        registration,
        AutoScaling(api, identity.instance_id, settings.lifecycle_hook_name),
        DrainRequest(settings.drain_request_file),
    )


def entries(aws: Aws, settings: Settings) -> list[str]:
    answer = aws.client("servicediscovery").list_instances(ServiceId=settings.cloud_map_service_id)
    return [one["Id"] for one in answer["Instances"]]


async def test_leaves_in_the_order_that_loses_no_answer(
    departure: Departure, settings: Settings, aws: Aws, group: str, identity: InstanceIdentity
) -> None:
    aws.begin_termination(group, identity.instance_id)
    leaving = asyncio.create_task(departure.run(LeaveReason.TERMINATED))

    await until(settings.drain_request_file.exists)
    assert entries(aws, settings) == []
    await until(lambda: len(aws.lifecycle.heartbeats) >= 2)
    assert aws.lifecycle.completed == []

    settings.drain_request_file.unlink()
    await leaving
    assert aws.lifecycle.completed == [(identity.instance_id, "CONTINUE")]


async def test_the_server_is_not_stopped_before_the_record_has_expired(
    departure: Departure, settings: Settings, aws: Aws
) -> None:
    departure._settings = settings.model_copy(update={"record_ttl_seconds": 600.0})
    leaving = asyncio.create_task(departure.run(LeaveReason.SPOT))
    await until(lambda: entries(aws, settings) == [])
    await asyncio.sleep(0.3)
    assert not settings.drain_request_file.exists()
    leaving.cancel()


async def test_when_stopped_it_leaves_the_server_to_the_host(
    departure: Departure, settings: Settings, aws: Aws
) -> None:
    await departure.run(LeaveReason.STOPPED)
    assert entries(aws, settings) == []
    assert settings.drain_request_file.exists()
    assert "CompleteLifecycleAction" not in aws.faults.operations()


async def test_goes_on_when_the_server_does_not_stop(
    departure: Departure, settings: Settings, aws: Aws, group: str, identity: InstanceIdentity
) -> None:
    departure._settings = settings.model_copy(
        update={"drain_seconds": 0.1 - departure_module.STOP_MARGIN_SECONDS}
    )
    aws.begin_termination(group, identity.instance_id)
    await departure.run(LeaveReason.TERMINATED)
    assert aws.lifecycle.completed == [(identity.instance_id, "CONTINUE")]


async def test_drains_while_cloud_map_is_out_and_deregisters_when_it_is_back(
    departure: Departure, settings: Settings, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departure_module, "DEREGISTER_SECONDS", 0.5)
    aws.faults.out = True
    aws.faults.out_seconds = 0.05
    leaving = asyncio.create_task(departure.run(LeaveReason.SPOT))
    await until(settings.drain_request_file.exists)
    aws.faults.out = False
    monkeypatch.setattr(departure_module, "DEREGISTER_SECONDS", 30)
    settings.drain_request_file.unlink()
    await leaving
    assert entries(aws, settings) == []


async def test_tries_to_complete_until_the_group_has_answered(
    departure: Departure, aws: Aws, group: str, identity: InstanceIdentity
) -> None:
    aws.begin_termination(group, identity.instance_id)
    aws.faults.throttled = True
    await departure.complete()
    assert aws.lifecycle.completed == [(identity.instance_id, "CONTINUE")]
