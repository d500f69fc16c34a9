from __future__ import annotations

import logging

import pytest

from llm_service.node import replacement
from llm_service.node.auto_scaling import AutoScaling
from llm_service.node.aws_api import AwsApi
from llm_service.node.health_tracker import HealthTracker
from llm_service.node.instance_identity import InstanceIdentity
from llm_service.node.replacement import Replacement
from llm_service.node.server_log import ServerLog
from tests.doubles.aws import Aws


@pytest.fixture
def health() -> HealthTracker:
    return HealthTracker(rise=1, fall=1)


def build(
    api: AwsApi, identity: InstanceIdentity, health: HealthTracker, first: float, again: float
) -> Replacement:
    auto_scaling = AutoScaling(api, identity.instance_id, "")
    return Replacement(auto_scaling, health, ServerLog(None), first, again)


async def test_asks_for_a_replacement_of_a_server_that_is_unhealthy_for_good(
    api: AwsApi,
    identity: InstanceIdentity,
    health: HealthTracker,
    aws: Aws,
    caplog: pytest.LogCaptureFixture,
) -> None:
    health.observe(None)
    health.observe("no answer within 3 s")
    await build(api, identity, health, first=1000, again=0).ask_if_due()
    [instance] = aws.client("autoscaling").describe_auto_scaling_instances(
        InstanceIds=[identity.instance_id]
    )["AutoScalingInstances"]
    assert instance["HealthStatus"] == "Unhealthy"
    [record] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert vars(record)["reason"] == "no answer within 3 s"


@pytest.mark.parametrize(("served", "due"), [(False, False), (True, True)])
def test_a_server_that_never_served_gets_its_own_time(
    api: AwsApi, identity: InstanceIdentity, health: HealthTracker, served: bool, due: bool
) -> None:
    if served:
        health.observe(None)
    health.observe("no connection")
    assert build(api, identity, health, first=1000, again=0).is_due is due


def test_a_healthy_server_is_never_due(
    api: AwsApi, identity: InstanceIdentity, health: HealthTracker
) -> None:
    health.observe(None)
    assert not build(api, identity, health, first=1000, again=0.001).is_due


async def test_repeats_the_demand_only_after_a_while(
    api: AwsApi,
    identity: InstanceIdentity,
    health: HealthTracker,
    aws: Aws,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking = build(api, identity, health, first=0, again=0)
    await asking.ask_if_due()
    await asking.ask_if_due()
    assert aws.faults.operations().count("SetInstanceHealth") == 1
    monkeypatch.setattr(replacement, "REPEAT_SECONDS", 0)
    await asking.ask_if_due()
    assert aws.faults.operations().count("SetInstanceHealth") == 2


async def test_an_api_that_is_out_does_not_stop_the_agent(
    api: AwsApi, identity: InstanceIdentity, health: HealthTracker, aws: Aws
) -> None:
    aws.faults.out = True
    aws.faults.out_seconds = 0.01
    await build(api, identity, health, first=0, again=0).ask_if_due()
