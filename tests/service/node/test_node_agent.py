from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest

from llm_service.node import replacement
from llm_service.node.cancellation import cancel_all
from llm_service.node.instance_identity import InstanceIdentity
from llm_service.node.instance_metadata import InstanceMetadata
from llm_service.node.node_agent import NodeAgent
from llm_service.node.settings import Settings
from tests.doubles.aws import Aws
from tests.doubles.health_server import NOT_SERVING, SERVING, HealthServer
from tests.doubles.metadata import Metadata
from tests.doubles.until import until


class Node:
    """An agent in this process, with its instance around it."""

    def __init__(self, aws: Aws, settings: Settings, identity: InstanceIdentity) -> None:
        self.aws = aws
        self.settings = settings
        self.identity = identity
        self.task: asyncio.Task[None] | None = None

    def start(self, metadata: Metadata) -> None:
        agent = NodeAgent(self.settings, self.identity, InstanceMetadata(metadata.url))
        self.task = asyncio.create_task(agent.run())

    def health(self) -> str | None:
        answer = self.aws.client("servicediscovery").get_instances_health_status(
            ServiceId=self.settings.cloud_map_service_id
        )
        status: str | None = answer["Status"].get(self.identity.instance_id)
        return status

    async def until_health(self, status: str | None) -> None:
        await until(lambda: self.health() == status)


@pytest.fixture
async def node(
    aws: Aws,
    settings: Settings,
    identity: InstanceIdentity,
    health_server: HealthServer,
) -> AsyncIterator[Node]:
    await health_server.set(NOT_SERVING)
    built = Node(
        aws, settings.model_copy(update={"server_address": health_server.address}), identity
    )
    yield built
    if built.task is not None:
        await cancel_all([built.task])


async def test_follows_the_server_from_its_start(
    node: Node, health_server: HealthServer, metadata_double: Metadata, aws: Aws
) -> None:
    node.start(metadata_double)
    await node.until_health("UNHEALTHY")
    assert aws.lifecycle.signals == []
    await health_server.set(SERVING)
    await node.until_health("HEALTHY")
    await until(lambda: aws.lifecycle.signals == [(node.identity.instance_id, "SUCCESS")])
    await health_server.stop()
    await node.until_health("UNHEALTHY")
    await health_server.start()
    await node.until_health("HEALTHY")


async def test_sigterm_deregisters_and_ends_the_agent(
    node: Node, health_server: HealthServer, metadata_double: Metadata
) -> None:
    await health_server.set(SERVING)
    node.start(metadata_double)
    await node.until_health("HEALTHY")
    os.kill(os.getpid(), signal.SIGTERM)
    assert node.task is not None
    await asyncio.wait_for(node.task, 30)
    assert node.health() is None
    assert node.settings.drain_request_file.exists()


async def test_a_standby_instance_takes_no_traffic_and_comes_back(
    node: Node, health_server: HealthServer, metadata_double: Metadata
) -> None:
    await health_server.set(SERVING)
    node.start(metadata_double)
    await node.until_health("HEALTHY")
    metadata_double.values["autoscaling/target-lifecycle-state"] = "Standby"
    await node.until_health("UNHEALTHY")
    metadata_double.values["autoscaling/target-lifecycle-state"] = "InService"
    await node.until_health("HEALTHY")


async def test_an_agent_that_starts_on_a_leaving_instance_never_registers(
    node: Node,
    health_server: HealthServer,
    metadata_double: Metadata,
    aws: Aws,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    look = InstanceMetadata.spot_interruption

    def look_slowly(metadata: InstanceMetadata) -> str | None:
        time.sleep(1)
        return look(metadata)

    monkeypatch.setattr(InstanceMetadata, "spot_interruption", look_slowly)
    await health_server.set(SERVING)
    metadata_double.announce_spot_interruption()
    node.start(metadata_double)
    await until(node.settings.drain_request_file.exists)
    assert "RegisterInstance" not in aws.faults.operations()


async def test_an_old_drain_request_does_not_stop_a_new_server(
    node: Node, metadata_double: Metadata
) -> None:
    node.settings.drain_request_file.touch()
    node.start(metadata_double)
    await node.until_health("UNHEALTHY")
    assert not node.settings.drain_request_file.exists()


async def test_a_termination_after_a_spot_notice_is_completed(
    node: Node, health_server: HealthServer, metadata_double: Metadata, aws: Aws, group: str
) -> None:
    await health_server.set(SERVING)
    node.start(metadata_double)
    await node.until_health("HEALTHY")
    metadata_double.announce_spot_interruption()
    await until(node.settings.drain_request_file.exists)
    node.settings.drain_request_file.unlink()
    await node.until_health(None)

    aws.begin_termination(group, node.identity.instance_id)
    metadata_double.values["autoscaling/target-lifecycle-state"] = "Terminated"
    await until(lambda: aws.lifecycle.completed)
    assert node.task is not None
    assert not node.task.done()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(node.task, 30)


async def test_a_server_that_never_serves_fails_the_roll_out_and_is_replaced(
    node: Node, metadata_double: Metadata, aws: Aws
) -> None:
    node.settings = node.settings.model_copy(update={"signal_deadline_seconds": 0.5})
    node.start(metadata_double)
    await until(lambda: "SetInstanceHealth" in aws.faults.operations())
    await until(lambda: aws.lifecycle.signals == [(node.identity.instance_id, "FAILURE")])


async def test_a_standby_instance_is_not_replaced(
    node: Node, metadata_double: Metadata, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacement, "REPEAT_SECONDS", 0)
    metadata_double.values["autoscaling/target-lifecycle-state"] = "Standby"
    node.settings = node.settings.model_copy(update={"signal_deadline_seconds": 0.1})
    node.start(metadata_double)
    await until(lambda: aws.lifecycle.signals)
    assert "SetInstanceHealth" not in aws.faults.operations()


async def test_survives_an_outage_and_tells_the_truth_after_it(
    node: Node, health_server: HealthServer, metadata_double: Metadata, aws: Aws
) -> None:
    await health_server.set(SERVING)
    node.start(metadata_double)
    await node.until_health("HEALTHY")
    aws.faults.out = True
    aws.faults.out_seconds = 0.05
    seen = len(aws.faults.calls)
    await health_server.stop()
    await until(lambda: len(aws.faults.calls) > seen + 5)
    aws.faults.out = False
    await node.until_health("UNHEALTHY")


async def test_dies_of_what_nobody_foresaw(
    node: Node, metadata_double: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: object) -> str | None:
        raise ZeroDivisionError

    monkeypatch.setattr("llm_service.node.probe.Probe.failure", broken)
    node.start(metadata_double)
    assert node.task is not None
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(node.task, 30)
