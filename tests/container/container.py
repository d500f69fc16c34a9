from __future__ import annotations

import json
import subprocess
import time
from typing import Any

# As docs/container.md tells operators to run it.
HARDENED = (
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--pids-limit=256",
)
# The image's own check, asked often enough for a test.
IMPATIENT_HEALTH = ("--health-interval=1s", "--health-retries=2", "--health-timeout=5s")


def docker(*arguments: str, timeout: float = 120) -> str:
    """Runs a docker command and returns its standard output.

    Raises:
        AssertionError: It failed; the text is what it wrote to standard error.
    """
    result = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )
    assert result.returncode == 0, f"docker {' '.join(arguments)}\n{result.stderr}"
    return result.stdout.strip()


class Container:
    """A running container, removed with its volumes on leaving the `with` block."""

    def __init__(self, image: str, *options: str, command: tuple[str, ...] = ()) -> None:
        self.id = docker("run", "--detach", *options, image, *command)

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_: object) -> None:
        docker("rm", "--force", "--volumes", self.id)

    def state(self) -> dict[str, Any]:
        """Returns what docker inspect says about the state."""
        state: dict[str, Any] = json.loads(
            docker("inspect", "--format", "{{json .State}}", self.id)
        )
        return state

    def wait_for_health(self, wanted: str, seconds: float = 180) -> None:
        """Waits until Docker itself calls the container healthy or unhealthy.

        Raises:
            AssertionError: It ended instead, or Docker did not say so in time.
        """
        deadline = time.monotonic() + seconds
        while (state := self.state())["Health"]["Status"] != wanted:
            assert state["Running"], f"exited with {state['ExitCode']}:\n{self.logs()}"
            assert time.monotonic() < deadline, f"{state['Health']}\n{self.logs()}"
            time.sleep(0.3)

    def wait_for_log(self, text: str, seconds: float = 120) -> None:
        """Waits until the log holds a text.

        Raises:
            AssertionError: It ended or the time passed without.
        """
        deadline = time.monotonic() + seconds
        while text not in self.logs():
            assert self.state()["Running"], self.logs()
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.2)

    def wait(self, seconds: float = 120) -> int:
        """Waits for the end and returns the exit code."""
        return int(docker("wait", self.id, timeout=seconds))

    def execute(self, *command: str, user: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a command inside and returns its result, failed or not."""
        options = ["--user", user] if user else []
        return subprocess.run(
            ["docker", "exec", *options, self.id, *command],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def logs(self) -> str:
        """Returns standard output and standard error together."""
        result = subprocess.run(
            ["docker", "logs", self.id], capture_output=True, text=True, timeout=60, check=False
        )
        return result.stdout + result.stderr

    def address(self) -> str:
        """Returns where the published gRPC port is reached from this host."""
        return docker("port", self.id, "50051/tcp").splitlines()[0]
