from __future__ import annotations

import asyncio

import pytest

from llm_service.node.auto_scaling import AutoScaling
from llm_service.node.aws_api import AwsApi
from llm_service.node.instance_identity import InstanceIdentity
from llm_service.node.instance_metadata import InstanceMetadata
from llm_service.node.leave_reason import LeaveReason
from llm_service.node.notices import Notices
from llm_service.node.registration import Registration
from tests.doubles.aws import Aws
from tests.doubles.metadata import Metadata


@pytest.fixture
def changed() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def notices(
    api: AwsApi,
    service_id: str,
    identity: InstanceIdentity,
    metadata_double: Metadata,
    changed: asyncio.Event,
) -> Notices:
    return Notices(
        InstanceMetadata(metadata_double.url),
        Registration(api, service_id, identity),
        AutoScaling(api, identity.instance_id, "Drain"),
        0.05,
        changed,
    )


def register(aws: Aws, service_id: str, instance_id: str) -> None:
    cloud_map = aws.client("servicediscovery")
    cloud_map.register_instance(
        ServiceId=service_id,
        InstanceId=instance_id,
        Attributes={"AWS_INSTANCE_IPV4": "10.0.3.1"},
    )
    while instance_id not in cloud_map.get_instances_health_status(ServiceId=service_id)["Status"]:
        pass


async def test_waits_while_nothing_is_announced(notices: Notices) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(notices.wait(), 0.5)


async def test_a_spot_interruption(notices: Notices, metadata_double: Metadata) -> None:
    waiting = asyncio.create_task(notices.wait())
    metadata_double.announce_spot_interruption()
    assert await waiting is LeaveReason.SPOT


async def test_a_termination_counts_more_than_a_notice(
    notices: Notices, metadata_double: Metadata
) -> None:
    metadata_double.announce_spot_interruption()
    metadata_double.values["autoscaling/target-lifecycle-state"] = "Terminated"
    assert await notices.look() is LeaveReason.TERMINATED
    await notices.wait_for_termination()


@pytest.mark.parametrize("state", ["Standby", "Detached", "Warmed:Running"])
async def test_an_instance_set_aside_takes_no_traffic_and_does_not_leave(
    notices: Notices, metadata_double: Metadata, changed: asyncio.Event, state: str
) -> None:
    metadata_double.values["autoscaling/target-lifecycle-state"] = state
    assert await notices.look() is None
    assert notices.is_set_aside
    assert changed.is_set()
    changed.clear()
    await notices.look()
    assert not changed.is_set()
    metadata_double.values["autoscaling/target-lifecycle-state"] = "InService"
    await notices.look()
    assert not notices.is_set_aside
    assert changed.is_set()


async def test_a_rebalance_waits_until_the_group_is_complete_without_this_instance(
    notices: Notices, metadata_double: Metadata, aws: Aws, service_id: str
) -> None:
    metadata_double.recommend_rebalance()
    register(aws, service_id, "i-00000000000000001")
    assert await notices.look() is None
    register(aws, service_id, "i-00000000000000002")
    assert await notices.look() is LeaveReason.REBALANCE


async def test_a_rebalance_of_the_last_instance_never_leaves_nobody(
    notices: Notices, metadata_double: Metadata, aws: Aws, group: str
) -> None:
    aws.group(group).desired_capacity = 0
    metadata_double.recommend_rebalance()
    assert await notices.look() is None


async def test_a_rebalance_is_not_followed_blindly_while_the_api_is_out(
    notices: Notices, metadata_double: Metadata, aws: Aws
) -> None:
    metadata_double.recommend_rebalance()
    aws.faults.out = True
    aws.faults.out_seconds = 0.05
    assert await notices.look() is None


@pytest.mark.parametrize("broken", ["empty", "gone"])
async def test_what_cannot_be_read_says_nothing(
    notices: Notices, metadata_double: Metadata, broken: str
) -> None:
    if broken == "empty":
        metadata_double.values["autoscaling/target-lifecycle-state"] = ""
    else:
        metadata_double.stop()
    assert await notices.look() is None
