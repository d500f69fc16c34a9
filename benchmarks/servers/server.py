from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.answer_timing import AnswerTiming
from benchmarks.servers.system import System, SystemFailedError
from benchmarks.workload import Prompt, Workload

START_LIMIT_SECONDS = 300.0
STOP_LIMIT_SECONDS = 20.0
POLL_SECONDS = 0.1


class Server(System):
    """A model server on a port of its own on the loopback interface."""

    def __init__(self, name: str, log_folder: Path) -> None:
        """Names the server.

        Args:
            name: What tables and plots call it.
            log_folder: Where its output is kept.
        """
        super().__init__(name)
        self.port = _free_port()
        self._log = log_folder / f"{name.replace(' ', '-')}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Returns what starts it."""

    def environment(self) -> Mapping[str, str]:
        """Returns variables that it needs beside ours."""
        return {}

    @abstractmethod
    async def is_ready(self) -> bool:
        """Says whether it would answer now."""

    @abstractmethod
    async def answer(self, prompt: Prompt) -> AnswerTiming:
        """Sends one request and reads its answer to the end."""

    @abstractmethod
    async def close(self) -> None:
        """Closes the connections to it."""

    async def start(self) -> None:
        """Starts it and waits until it is ready."""
        begin = time.monotonic()
        process = self._spawn()
        while not await self.is_ready():
            if process.poll() is not None or time.monotonic() - begin > START_LIMIT_SECONDS:
                await self.stop()
                tail = self._log.read_text(errors="replace")[-2000:]
                raise SystemFailedError(f"{self.name} did not start:\n{tail}")
            await asyncio.sleep(POLL_SECONDS)
        self.start_seconds = time.monotonic() - begin

    async def run(self, workload: Workload) -> list[AnswerTiming]:
        """Lets the workload's clients take one request after another until none is left."""
        waiting = iter(workload.prompts)
        clients = (self._client(waiting) for _ in range(workload.clients))
        return [timing for timings in await asyncio.gather(*clients) for timing in timings]

    async def stop(self) -> None:
        """Ends it, by force when it does not end by itself."""
        await self.close()
        if self._process and self._process.poll() is None:
            self.resume()
            self.send(signal.SIGTERM)
            try:
                await asyncio.to_thread(self._process.wait, STOP_LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                self.send(signal.SIGKILL)
                self._process.wait()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command(),
                env={**os.environ, "HF_HUB_OFFLINE": "1", **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.process_id = self._process.pid
        return self._process

    async def _client(self, waiting: Iterator[Prompt]) -> list[AnswerTiming]:
        return [await self.answer(prompt) for prompt in waiting]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
