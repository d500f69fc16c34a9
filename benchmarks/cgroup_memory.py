from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

MIB = 1 << 20


@dataclass
class PeakMemory:
    """The most that a container was seen to hold, in MiB.

    Attributes:
        private: Memory of its own: what has to be in RAM or in swap.
        swap: How much of that lay in swap.
        mapped: Pages of files that it had mapped (libraries, weights): they may be dropped under
            pressure, and are then read from disk again.
    """

    private: float = 0.0
    swap: float = 0.0
    mapped: float = 0.0


class CgroupMemory:
    """Watches a container's control group, of version 1 or 2, from a thread of its own."""

    INTERVAL_SECONDS = 0.1

    def __init__(self, process_id: int) -> None:
        """Finds the control group.

        Args:
            process_id: The container's first process, as the host numbers it.
        """
        self.peak = PeakMemory()
        self._folder, self._version = _find(process_id)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> CgroupMemory:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(self.INTERVAL_SECONDS):
            try:
                self._look()
            except OSError:
                return  # the container ended and its group with it

    def _look(self) -> None:
        words = (self._folder / "memory.stat").read_text().split()
        statistics = dict(zip(words[::2], map(int, words[1::2]), strict=True))
        if self._version == 2:
            private, mapped = statistics["anon"], statistics["file_mapped"]
            swap = int((self._folder / "memory.swap.current").read_text())
        else:
            private, mapped = statistics["total_rss"], statistics["total_mapped_file"]
            swap = statistics["total_swap"]
        self.peak.private = max(self.peak.private, (private + swap) / MIB)
        self.peak.swap = max(self.peak.swap, swap / MIB)
        self.peak.mapped = max(self.peak.mapped, mapped / MIB)


def _find(process_id: int) -> tuple[Path, int]:
    root = Path("/sys/fs/cgroup")
    for line in Path(f"/proc/{process_id}/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return root / "memory" / path.lstrip("/"), 1
        if number == "0" and not controllers and (root / "cgroup.controllers").exists():
            return root / path.lstrip("/"), 2
    raise RuntimeError(f"process {process_id} is in no control group that counts memory")
