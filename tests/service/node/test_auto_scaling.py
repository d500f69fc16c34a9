from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from llm_service.node.auto_scaling import AutoScaling
from llm_service.node.aws_api import AwsApi
from llm_service.node.instance_identity import InstanceIdentity
from tests.doubles.aws import Aws


@pytest.fixture
def auto_scaling(api: AwsApi, identity: InstanceIdentity) -> AutoScaling:
    return AutoScaling(api, identity.instance_id, "Drain")


async def test_knows_its_group(auto_scaling: AutoScaling, group: str, aws: Aws) -> None:
    assert await auto_scaling.group_name() == group
    assert await auto_scaling.desired_capacity() == 2
    assert aws.faults.operations().count("DescribeAutoScalingInstances") == 1


async def test_an_instance_of_no_group_has_neither(api: AwsApi) -> None:
    alone = AutoScaling(api, "i-0123456789abcdef0", "Drain")
    assert await alone.group_name() is None
    assert await alone.desired_capacity() is None
    assert await alone.complete_lifecycle_action() is False


async def test_marks_the_instance_unhealthy(
    auto_scaling: AutoScaling, group: str, identity: InstanceIdentity, aws: Aws
) -> None:
    await auto_scaling.set_unhealthy()
    answer = aws.client("autoscaling").describe_auto_scaling_instances(
        InstanceIds=[identity.instance_id]
    )
    assert answer["AutoScalingInstances"][0]["HealthStatus"] == "Unhealthy"


async def test_completes_a_termination_that_waits(
    auto_scaling: AutoScaling, group: str, identity: InstanceIdentity, aws: Aws
) -> None:
    aws.begin_termination(group, identity.instance_id)
    await auto_scaling.heartbeat()
    assert await auto_scaling.complete_lifecycle_action() is True
    assert aws.lifecycle.heartbeats == [identity.instance_id]
    assert aws.lifecycle.completed == [(identity.instance_id, "CONTINUE")]


async def test_there_may_be_nothing_to_complete(auto_scaling: AutoScaling) -> None:
    await auto_scaling.heartbeat()
    assert await auto_scaling.complete_lifecycle_action() is False


async def test_without_a_hook_nothing_is_called(
    api: AwsApi, identity: InstanceIdentity, aws: Aws
) -> None:
    assert await AutoScaling(api, identity.instance_id, "").complete_lifecycle_action() is False
    assert "CompleteLifecycleAction" not in aws.faults.operations()


async def test_other_refusals_are_errors(auto_scaling: AutoScaling, aws: Aws) -> None:
    aws.faults.denied = {"CompleteLifecycleAction"}
    with pytest.raises(ClientError, match="AccessDenied"):
        await auto_scaling.complete_lifecycle_action()
