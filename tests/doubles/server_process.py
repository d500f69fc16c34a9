from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

import grpc

from llm_service.client.llm_client import LlmClient
from tests.doubles.llm_server import free_port

ROOT = Path(__file__).parents[2]
# Importing torch alone takes half a minute on a machine that is busy.
PATIENCE_SECONDS = 150.0


class ServerProcess:
    """`python -m llm_service.main` as its users start it. Use as a context manager.

    Attributes:
        address: Host and port.
        process: The process.
    """

    def __init__(self, **settings: str) -> None:
        """Prepares the process; the settings are its environment."""
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._log_folder = tempfile.TemporaryDirectory()
        self._log_file = Path(self._log_folder.name) / "log"
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "service"),
            "PORT": str(self.port),
            "HOST": "127.0.0.1",
            "CACHE_MEMORY_SHARE": "0.01",
            "OMP_NUM_THREADS": "1",
            **settings,
        }

    def __enter__(self) -> ServerProcess:
        with self._log_file.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "llm_service.main"],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log_folder.cleanup()

    def wait_until_serving(self) -> None:
        """Waits for the model."""
        with LlmClient(self.address) as client:
            client.wait_until_serving(PATIENCE_SECONDS)

    def wait_until_listening(self) -> None:
        """Waits for the port alone."""
        with grpc.insecure_channel(self.address) as channel:
            grpc.channel_ready_future(channel).result(PATIENCE_SECONDS)

    def terminate(self) -> None:
        """Sends SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        """Waits for the end."""
        return self.process.wait(PATIENCE_SECONDS)

    def log(self) -> str:
        """What it wrote so far."""
        return self._log_file.read_text()

    def wait_for_log(self, text: str) -> None:
        """Waits until it has written a text."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while text not in self.log():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
