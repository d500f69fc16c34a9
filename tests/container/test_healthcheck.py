"""The image's health check script, run with a stand-in for grpcurl that records its arguments."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "service" / "image" / "healthcheck"


class FakeGrpcurl:
    """A grpcurl that prints a given answer and keeps the arguments it was called with."""

    def __init__(self, folder: Path, answer: str, exit_code: int = 0) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        (folder / "answer").write_text(answer)
        program = folder / "grpcurl"
        program.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" >"{self.calls}"\ncat "{folder}/answer"\n'
            f"exit {exit_code}\n"
        )
        program.chmod(0o755)

    def check(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs the health check with only this grpcurl in front of the system's commands."""
        path = f"{self.folder}:{os.environ['PATH']}"
        return subprocess.run(
            ["sh", str(SCRIPT)],
            env={"PATH": path, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def target(self) -> str:
        """Returns the address that was asked."""
        return self.calls.read_text().splitlines()[-2]


def test_a_serving_server_is_healthy(tmp_path: Path) -> None:
    result = FakeGrpcurl(tmp_path, '{\n  "status": "SERVING"\n}').check()
    assert result.returncode == 0
    assert "SERVING" in result.stdout


@pytest.mark.parametrize("status", ["NOT_SERVING", "SERVICE_UNKNOWN", "UNKNOWN"])
def test_any_other_answer_is_unhealthy_although_grpcurl_exits_0(
    tmp_path: Path, status: str
) -> None:
    result = FakeGrpcurl(tmp_path, f'{{\n  "status": "{status}"\n}}').check()
    assert result.returncode == 1
    assert status in result.stdout, "docker inspect shows the reason"


def test_no_answer_is_unhealthy_and_says_why(tmp_path: Path) -> None:
    result = FakeGrpcurl(tmp_path, "connection refused", exit_code=1).check()
    assert result.returncode == 1
    assert "connection refused" in result.stdout


@pytest.mark.parametrize(
    ("environment", "target"),
    [
        ({}, "127.0.0.1:50051"),
        ({"PORT": "6000"}, "127.0.0.1:6000"),
        ({"HOST": "0.0.0.0", "PORT": "6000"}, "127.0.0.1:6000"),
        ({"HOST": "::"}, "[::1]:50051"),
        ({"HOST": "[::]"}, "[::1]:50051"),
        ({"HOST": "10.0.0.7"}, "10.0.0.7:50051"),
    ],
)
def test_it_asks_where_the_server_listens(
    tmp_path: Path, environment: dict[str, str], target: str
) -> None:
    grpcurl = FakeGrpcurl(tmp_path, '{"status": "SERVING"}')
    grpcurl.check(**environment)
    assert grpcurl.target() == target


@pytest.mark.parametrize(
    ("environment", "flag"),
    [
        ({}, "-plaintext"),
        ({"TLS_CERTIFICATE_FILE": ""}, "-plaintext"),
        ({"TLS_CERTIFICATE_FILE": "/run/secrets/certificate.pem"}, "-insecure"),
    ],
)
def test_it_speaks_tls_where_the_server_does(
    tmp_path: Path, environment: dict[str, str], flag: str
) -> None:
    grpcurl = FakeGrpcurl(tmp_path, '{"status": "SERVING"}')
    assert grpcurl.check(**environment).returncode == 0
    assert grpcurl.calls.read_text().splitlines()[0] == flag


def test_it_needs_no_reflection_and_ends_before_dockers_own_time_limit(tmp_path: Path) -> None:
    grpcurl = FakeGrpcurl(tmp_path, '{"status": "SERVING"}')
    grpcurl.check()
    arguments = grpcurl.calls.read_text().splitlines()
    assert "-protoset" in arguments
    dockerfile = (SCRIPT.parents[1] / "Dockerfile").read_text()
    assert "--timeout=5s" in dockerfile
    assert float(arguments[arguments.index("-max-time") + 1]) < 5
