from __future__ import annotations

import contextlib
import os
import signal
from abc import ABC, abstractmethod

from benchmarks.answer_timing import AnswerTiming
from benchmarks.process_memory import peak_resident_mib
from benchmarks.workload import Workload


class SystemFailedError(RuntimeError):
    """A system did not start or did not answer; the text says what it wrote last."""


class System(ABC):
    """Anything that generates text in a process of its own and can be measured.

    Attributes:
        name: What tables and plots call it.
        start_seconds: How long it took from its start until it was ready.
        process_id: Its first process, which leads a process group; 0 before the start.
    """

    def __init__(self, name: str) -> None:
        """Names the system; nothing starts yet."""
        self.name = name
        self.start_seconds = 0.0
        self.process_id = 0

    @abstractmethod
    async def start(self) -> None:
        """Starts it and waits until it is ready; sets start_seconds and process_id.

        Raises:
            SystemFailedError: It ended, or was not ready in time.
        """

    @abstractmethod
    async def run(self, workload: Workload) -> list[AnswerTiming]:
        """Works through the requests and returns what came when."""

    @abstractmethod
    async def stop(self) -> None:
        """Ends it."""

    def pause(self) -> None:
        """Freezes it, so that it takes nothing from the system being measured."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it run again."""
        self.send(signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to its process group, if it is still there."""
        if self.process_id:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process_id, number)

    def peak_memory_mib(self) -> float:
        """Returns the most resident memory that its processes ever had, in MiB."""
        return peak_resident_mib(self.process_id)
