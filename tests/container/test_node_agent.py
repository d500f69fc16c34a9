"""The node agent in its container, with the flags of its systemd unit."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.container.conftest import ROOT
from tests.container.container import Container, docker
from tests.doubles.aws import Aws
from tests.doubles.health_server import HealthServer
from tests.doubles.metadata import Metadata
from tests.doubles.until import until

FLAGS = (
    "--network host",
    "--no-healthcheck",
    "--read-only --tmpfs /tmp",
    "--cap-drop ALL",
    "--security-opt no-new-privileges",
    "--pids-limit 64",
    "--memory 128m",
)
COMMAND = "python -m llm_service.node.main"
MEBIBYTES = 100.0

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]


@pytest.fixture
def aws() -> Iterator[Aws]:
    double = Aws()
    double.start()
    yield double
    double.stop()


@pytest.fixture
async def health_server() -> AsyncIterator[HealthServer]:
    double = HealthServer()
    await double.start()
    yield double
    await double.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that the image's user may write to, as the unit's are."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    return shared


def test_the_unit_runs_it_so() -> None:
    units = (ROOT / "service/llm_service/node/host_setup.sh").read_text()
    assert COMMAND in units
    for flag in FLAGS:
        assert flag in units


async def test_registers_stays_small_and_leaves_on_docker_stop(
    image: str, aws: Aws, health_server: HealthServer, folder: Path
) -> None:
    [instance_id] = aws.create_group("container", 1)
    service_id = aws.create_service("container")
    metadata = Metadata(instance_id, "10.0.1.5")
    settings = {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.url,
        "METADATA_ENDPOINT": metadata.url,
        "CLOUD_MAP_SERVICE_ID": service_id,
        "SERVER_ADDRESS": health_server.address,
        "PROBE_INTERVAL_SECONDS": "0.5",
        "RECORD_TTL_SECONDS": "1",
        "DRAIN_REQUEST_FILE": "/shared/drain",
        "SIGNAL_RECORD_FILE": "/shared/signal",
        "STACK_NAME": "LlmServiceInfraStack",
        "SIGNAL_LOGICAL_ID": "AutoScalingGroup",
    }
    options = [word for flag in FLAGS for word in flag.split()]
    options += ["--volume", f"{folder}:/shared"]
    options += [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]

    def health() -> dict[str, str]:
        answer = aws.client("servicediscovery").get_instances_health_status(ServiceId=service_id)
        return dict(answer["Status"])

    # Off the loop, which the health server runs on.
    with await asyncio.to_thread(
        Container, image, *options, command=tuple(COMMAND.split())
    ) as container:
        await until(lambda: health() == {instance_id: "HEALTHY"})
        await until(lambda: aws.lifecycle.signals == [(instance_id, "SUCCESS")])
        await until((folder / "signal").exists)
        status = await asyncio.to_thread(container.execute, "cat", "/proc/1/status")
        peak = re.search(r"VmHWM:\s+(\d+) kB", status.stdout)
        assert peak is not None
        assert int(peak[1]) / 1024 < MEBIBYTES

        await asyncio.to_thread(docker, "stop", "--time", "60", container.id)
        assert container.state()["ExitCode"] == 0, container.logs()
        assert health() == {}
        assert (folder / "drain").exists()
    metadata.stop()
