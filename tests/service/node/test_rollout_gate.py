from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from llm_service.node.aws_api import AwsApi
from llm_service.node.health_tracker import HealthTracker
from llm_service.node.rollout_gate import RolloutGate
from llm_service.node.server_log import ServerLog
from tests.doubles.aws import Aws

INSTANCE = "i-0123456789abcdef0"


@pytest.fixture
def in_service() -> asyncio.Event:
    return asyncio.Event()


def gate(api: AwsApi, tmp_path: Path, logical_id: str = "AutoScalingGroup") -> RolloutGate:
    health = HealthTracker(rise=2, fall=3)
    health.observe("no connection: refused")
    log = tmp_path / "server.log"
    log.write_text("loading\nOutOfMemoryError: weights do not fit\n")
    return RolloutGate(
        api,
        stack_name="LlmServiceInfraStack",
        logical_id=logical_id,
        instance_id=INSTANCE,
        record_file=tmp_path / "state" / "signal",
        health=health,
        server_log=ServerLog(log),
    )


async def test_signals_success_once_in_service(
    api: AwsApi, aws: Aws, tmp_path: Path, in_service: asyncio.Event
) -> None:
    running = asyncio.create_task(gate(api, tmp_path).run(in_service, 30))
    await asyncio.sleep(0.2)
    assert aws.lifecycle.signals == []
    in_service.set()
    await running
    assert aws.lifecycle.signals == [(INSTANCE, "SUCCESS")]


async def test_signals_failure_at_the_deadline_and_says_why(
    api: AwsApi,
    aws: Aws,
    tmp_path: Path,
    in_service: asyncio.Event,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await gate(api, tmp_path).run(in_service, 0.1)
    assert aws.lifecycle.signals == [(INSTANCE, "FAILURE")]
    [record] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert vars(record)["reason"] == "no connection: refused"
    assert vars(record)["server_log"][-1] == "OutOfMemoryError: weights do not fit"


async def test_signals_once_in_an_instances_life(
    api: AwsApi, aws: Aws, tmp_path: Path, in_service: asyncio.Event
) -> None:
    in_service.set()
    await gate(api, tmp_path).run(in_service, 30)
    await gate(api, tmp_path).run(in_service, 30)
    assert len(aws.lifecycle.signals) == 1


async def test_outside_a_roll_out_a_refused_signal_does_not_matter(
    api: AwsApi, aws: Aws, tmp_path: Path, in_service: asyncio.Event
) -> None:
    aws.lifecycle.rollout = False
    in_service.set()
    await gate(api, tmp_path).run(in_service, 30)
    aws.lifecycle.rollout = True
    await gate(api, tmp_path).run(in_service, 30)
    # A later roll-out must not count an instance that was there before it.
    assert aws.lifecycle.signals == []


async def test_tries_until_cloudformation_took_the_signal(
    api: AwsApi, aws: Aws, tmp_path: Path, in_service: asyncio.Event
) -> None:
    aws.faults.throttled = True
    in_service.set()
    await gate(api, tmp_path).run(in_service, 30)
    assert aws.lifecycle.signals == [(INSTANCE, "SUCCESS")]


async def test_without_a_logical_id_nothing_is_signalled(
    api: AwsApi, aws: Aws, tmp_path: Path, in_service: asyncio.Event
) -> None:
    in_service.set()
    await gate(api, tmp_path, logical_id="").run(in_service, 30)
    assert "SignalResource" not in aws.faults.operations()


async def test_a_full_disk_does_not_stop_the_signal(
    api: AwsApi, aws: Aws, tmp_path: Path, in_service: asyncio.Event
) -> None:
    (tmp_path / "state").write_text("a file where the directory should be")
    in_service.set()
    await gate(api, tmp_path).run(in_service, 30)
    assert aws.lifecycle.signals == [(INSTANCE, "SUCCESS")]
