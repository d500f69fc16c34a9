"""The image as operators run it: the small real model, and no right that is not needed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm.v1 import llm_pb2
from llm_service.client.llm_client import LlmClient
from tests.container.container import HARDENED, IMPATIENT_HEALTH, Container, docker

pytestmark = [pytest.mark.docker, pytest.mark.model, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def server(image: str, small_model: Path) -> Iterator[Container]:
    """A server that Docker called healthy."""
    with Container(
        image,
        *HARDENED,
        *IMPATIENT_HEALTH,
        f"--volume={small_model}:/model:ro",
        "--env=MODEL_NAME=/model",
        "--publish=127.0.0.1::50051",
    ) as container:
        container.wait_for_health("healthy")
        yield container


def test_an_answer_streams_out_of_it(server: Container) -> None:
    question = [llm_pb2.Message(role=llm_pb2.ROLE_USER, content="Name a colour.")]
    sampling = llm_pb2.SamplingParams(temperature=0, min_tokens=8, max_tokens=16)
    with LlmClient(server.address()) as client:
        deltas = list(client.chat_stream(question, sampling, timeout=120))
    assert len(deltas) > 2
    assert "".join(delta.content for delta in deltas).strip()
    assert 8 <= deltas[-1].completion_tokens <= 16


def test_it_runs_as_a_user_without_rights(server: Container) -> None:
    status = server.execute("cat", "/proc/1/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == {"10001"}
    assert set(fields["Gid"].split()) == {"10001"}
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(fields[capabilities], 16) == 0
    assert fields["NoNewPrivs"].strip() == "1"


@pytest.mark.parametrize(
    "path", ["/app/x", "/opt/venv/x", "/usr/local/bin/x", "/etc/x", "/model/x"]
)
def test_it_cannot_write_where_programs_and_weights_lie(server: Container, path: str) -> None:
    assert server.execute("touch", path).returncode != 0
    assert server.execute("touch", path, user="0").returncode != 0, "the file system is read-only"


@pytest.mark.parametrize("path", ["/tmp/x", "/models/x", "/models/hub/x", "/models/converted/x"])
def test_it_can_write_where_it_has_to(server: Container, path: str) -> None:
    result = server.execute(
        "sh", "-c", f'mkdir -p "$(dirname {path})" && touch {path} && rm {path}'
    )
    assert result.returncode == 0, result.stderr


def test_docker_tells_a_frozen_server_from_a_healthy_one(server: Container) -> None:
    docker("kill", "--signal=STOP", server.id)
    try:
        server.wait_for_health("unhealthy", seconds=120)
    finally:
        docker("kill", "--signal=CONT", server.id)
    server.wait_for_health("healthy", seconds=120)


def test_sigterm_ends_it_in_order(server: Container) -> None:
    """The last test of this module: it ends the server that they share."""
    docker("stop", "--time=60", server.id)
    assert server.state()["ExitCode"] == 0, server.logs()
    assert not server.state()["OOMKilled"]
