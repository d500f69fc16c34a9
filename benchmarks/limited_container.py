from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import grpc

from benchmarks.cgroup_memory import CgroupMemory
from benchmarks.limited_run import LimitedRun
from benchmarks.measurement import Measurement
from benchmarks.servers.llm_service import LlmService
from benchmarks.servers.server import POLL_SECONDS, START_LIMIT_SECONDS
from benchmarks.servers.system import SystemFailedError
from benchmarks.workload import Workload

# Two answers of 64 tokens take seconds; a server that reads its weights from swap never gets there.
ANSWERS_LIMIT_SECONDS = 300.0
# As the user data script starts it.
HARDENING = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")


class LimitedContainer(LlmService):
    """Our server in its image, with a limit on memory and processors."""

    def __init__(self, image: str, model: Path, memory: str, swap: str, cpus: str) -> None:
        """Chooses what runs and within which limits.

        Args:
            image: Name of the image.
            model: Folder in transformers' format.
            memory: As docker run's --memory.
            swap: As docker run's --memory-swap.
            cpus: As docker run's --cpus.
        """
        super().__init__("limited", model, Path(tempfile.gettempdir()))
        self._memory = memory
        self._container = ""
        self._begin = 0.0
        self._run_options = (
            *HARDENING,
            *(f"--memory={memory}", f"--memory-swap={swap}", f"--cpus={cpus}", "--init"),
            *(f"--volume={model}:/model:ro", "--env=MODEL_NAME=/model"),
            f"--publish=127.0.0.1:{self.port}:50051",
            image,
        )

    async def start(self) -> None:
        """Starts the container and waits until the server is SERVING."""
        self._launch()
        await self._wait_until_ready()

    def _launch(self) -> None:
        _drop_file_pages()
        self._begin = time.monotonic()
        self._container = _docker("run", "--detach", *self._run_options)
        self.process_id = self._state()["Pid"]

    async def _wait_until_ready(self) -> None:
        while not await self.is_ready():
            if not self._state()["Running"] or time.monotonic() - self._begin > START_LIMIT_SECONDS:
                raise SystemFailedError(_docker("logs", self._container)[-2000:])
            await asyncio.sleep(POLL_SECONDS)
        self.start_seconds = time.monotonic() - self._begin

    async def measure(self, model_name: str) -> LimitedRun:
        """Starts it, lets one client and then eight ask, and says what became of it."""
        speeds: list[float] = []
        outcome = "served"
        self._launch()
        try:
            with CgroupMemory(self.process_id) as memory:
                try:
                    await self._wait_until_ready()
                    for clients in (1, 8):
                        asking = self.run(Workload.same(clients, 2 * clients))
                        answers = await asyncio.wait_for(asking, ANSWERS_LIMIT_SECONDS)
                        speeds.append(Measurement.of(answers).tokens_per_second)
                except TimeoutError:
                    outcome = f"no answers in {ANSWERS_LIMIT_SECONDS:.0f} s"
                except (grpc.aio.AioRpcError, SystemFailedError) as error:
                    outcome = f"failed: {str(error)[-200:]}"
            if self._state()["OOMKilled"]:
                outcome = "killed: out of memory"
        finally:
            await self.stop()
        one, eight = (*speeds, 0.0, 0.0)[:2]
        return LimitedRun(
            model_name, self._memory, outcome, self.start_seconds, one, eight, memory.peak
        )

    async def stop(self) -> None:
        """Removes the container."""
        await self.close()
        await asyncio.to_thread(_docker, "rm", "--force", "--volumes", self._container)

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(
            _docker("inspect", "--format", "{{json .State}}", self._container)
        )
        return state


def _drop_file_pages() -> None:
    """Empties the page cache, for pages count against the first control group that reads them.

    Weights and libraries that are cached already would cost the container nothing, as they never
    would on a machine of their own.
    """
    Path("/proc/sys/vm/drop_caches").write_text("1")


def _docker(*arguments: str) -> str:
    result = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemFailedError(f"docker {arguments[0]}: {result.stderr.strip()}")
    return (result.stdout + result.stderr).strip()
