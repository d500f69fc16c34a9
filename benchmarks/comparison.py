from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.answer_timing import AnswerTiming
from benchmarks.measurement import Measurement
from benchmarks.report import markdown_table


@dataclass
class Comparison:
    """What every system did with every workload, the first system being the one compared with.

    Attributes:
        systems: Names of the systems.
        workloads: Names of the workloads.
        runs: Every measurement, by system and workload, in the order of the rounds.
        start_seconds: How long each system took to start.
        peak_mib: The most resident memory that each system had.
    """

    systems: list[str]
    workloads: list[str]
    runs: dict[tuple[str, str], list[Measurement]] = field(default_factory=dict)
    start_seconds: dict[str, float] = field(default_factory=dict)
    peak_mib: dict[str, float] = field(default_factory=dict)

    def add(self, system: str, workload: str, answers: Sequence[AnswerTiming]) -> None:
        """Adds one run."""
        self.runs.setdefault((system, workload), []).append(Measurement.of(answers))

    def finish(self, system: str, start_seconds: float, peak_mib: float) -> None:
        """Adds what is known of a system only at the end."""
        self.start_seconds[system] = start_seconds
        self.peak_mib[system] = peak_mib

    def median(self, system: str, workload: str) -> Measurement:
        """Returns the medians over the rounds."""
        return Measurement.median(self.runs[system, workload])

    def table(self) -> str:
        """Returns two tables in Markdown: one row a workload and system, one row a system."""
        speeds = [
            self._row(workload, system) for workload in self.workloads for system in self.systems
        ]
        whole = [
            (name, f"{self.start_seconds[name]:.1f}", f"{self.peak_mib[name]:.0f}")
            for name in self.systems
        ]
        headings = (
            *("workload", "system", "tokens/s", f"of {self.systems[0]}"),
            *("first token ms", "p99", "between tokens ms", "p99"),
        )
        return (
            markdown_table(headings, speeds)
            + "\n"
            + markdown_table(("system", "start s", "peak memory MiB"), whole)
        )

    def write(self, path: Path) -> None:
        """Writes every run and the machine as JSON."""
        content = {
            "machine": {"processor": _processor(), "platform": platform.platform()},
            "runs": [
                {"system": system, "workload": workload, **asdict(run)}
                for (system, workload), runs in self.runs.items()
                for run in runs
            ],
            "start_seconds": self.start_seconds,
            "peak_mib": self.peak_mib,
        }
        path.write_text(json.dumps(content, indent=2) + "\n")

    def _row(self, workload: str, system: str) -> tuple[str, ...]:
        found = self.median(system, workload)
        ours = self.median(self.systems[0], workload)
        seconds = (
            found.first_token_median,
            found.first_token_p99,
            found.gap_median,
            found.gap_p99,
        )
        return (
            workload,
            system,
            f"{found.tokens_per_second:.1f}",
            f"{found.tokens_per_second / ours.tokens_per_second:.2f}",
            *(f"{1000 * value:.0f}" for value in seconds),
        )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()
