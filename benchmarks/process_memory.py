from __future__ import annotations

from pathlib import Path


def peak_resident_mib(process_id: int) -> float:
    """Returns the peak resident memory of a process and its living descendants, in MiB.

    Pages that two of them share count twice; all servers here but one are a single process.

    Args:
        process_id: The eldest of them.
    """
    return sum(_high_water_mib(process) for process in (process_id, *_descendants(process_id)))


def _descendants(process_id: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{process_id}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            found += [child, *_descendants(child)]
    return found


def _high_water_mib(process_id: int) -> float:
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
