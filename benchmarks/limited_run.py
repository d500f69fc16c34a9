from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from benchmarks.cgroup_memory import PeakMemory


@dataclass(frozen=True)
class LimitedRun:
    """What became of a server under a memory limit.

    Attributes:
        model: The shape's name.
        limit: The limit, as docker run's --memory.
        outcome: `served`, or how it ended instead.
        start_seconds: Until it was SERVING.
        one_client: Tokens/s with one client.
        eight_clients: Tokens/s with eight.
        peak: The most memory that it held.
    """

    HEADINGS: ClassVar = (
        "model",
        "--memory",
        "outcome",
        "start s",
        "1 client tokens/s",
        "8 clients tokens/s",
        "peak of its own MiB",
        "of that in swap MiB",
        "mapped files MiB",
    )

    model: str
    limit: str
    outcome: str
    start_seconds: float
    one_client: float
    eight_clients: float
    peak: PeakMemory

    def cells(self) -> tuple[str, ...]:
        """Returns the table's row under HEADINGS."""
        return (
            self.model,
            self.limit,
            self.outcome,
            f"{self.start_seconds:.0f}",
            f"{self.one_client:.1f}",
            f"{self.eight_clients:.1f}",
            f"{self.peak.private:.0f}",
            f"{self.peak.swap:.0f}",
            f"{self.peak.mapped:.0f}",
        )
