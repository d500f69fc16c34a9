"""Which model fits a small machine: the image under a memory limit, as an instance would run it.

Prints a table and writes it to dist/bench/memory.md and memory.json. Needs root, a Docker
engine and the image (make image). The weights are random, the shapes are the published models' own.

    dd if=/dev/zero of=/swapfile bs=1M count=2048 && chmod 600 /swapfile
    mkswap /swapfile && swapon /swapfile
    python -m benchmarks.memory
"""

import argparse
import asyncio
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.limited_container import LimitedContainer
from benchmarks.limited_run import LimitedRun
from benchmarks.model_shape import QWEN25_05B, SMOLLM2_135M, ModelShape
from benchmarks.report import markdown_table

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "dist" / "bench"
SHAPES = (SMOLLM2_135M, QWEN25_05B)


def main() -> int:
    """Measures every shape under every limit, one after another."""
    arguments = _parse()
    # Ended from outside, it still ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(stderr=True)
    runs: list[LimitedRun] = []
    with Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console
    ) as progress:
        for shape in SHAPES:
            task = progress.add_task(f"making the weights of {shape.name}", total=1)
            folder = shape.make(ROOT / ".cache" / "shapes")
            progress.update(task, completed=1)
            for limit in arguments.limits:
                task = progress.add_task(f"{shape.name} in {limit}", total=1)
                runs.append(_measure(shape, folder, limit, arguments))
                progress.update(task, completed=1)
                _write(runs)
    print((OUTPUT / "memory.md").read_text())
    return 0


def _write(runs: list[LimitedRun]) -> None:
    """Writes what is known so far: a run that swaps takes minutes."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    table = markdown_table(LimitedRun.HEADINGS, [run.cells() for run in runs])
    (OUTPUT / "memory.md").write_text(table)
    (OUTPUT / "memory.json").write_text(json.dumps([asdict(run) for run in runs], indent=2) + "\n")


def _measure(
    shape: ModelShape, folder: Path, limit: str, arguments: argparse.Namespace
) -> LimitedRun:
    container = LimitedContainer(arguments.image, folder, limit, arguments.swap, arguments.cpus)
    return asyncio.run(container.measure(shape.name))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--image", default="llm-service:dev")
    parser.add_argument("--cpus", default="2", help="as docker run's --cpus")
    parser.add_argument(
        "--swap", default="-1", help="as docker run's --memory-swap; -1 is all that the host has"
    )
    parser.add_argument(
        "--limits", nargs="+", default=["1g", "740m"], help="as docker run's --memory"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
