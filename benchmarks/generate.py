"""Speed and memory of the generator beside `cdk synth` of the same two stacks.

Every round runs every command once, one after another, so that the machine's mood hits all alike.
Prints a table and writes it to dist/bench/generate.md and generate.json. Needs Node.js and npm for
the comparison; without --install-cdk and without an earlier installation only our side is measured.

    python -m benchmarks.generate --install-cdk
"""

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks.process_memory import peak_resident_mib
from benchmarks.report import markdown_table

ROOT = Path(__file__).resolve().parents[1]
CDK_SOURCE = ROOT / "benchmarks" / "cdk"
CDK_FOLDER = ROOT / ".cache" / "cdk"
POLL_SECONDS = 0.02
STACKS = ("LlmServiceInfraStack", "LlmServiceCicdPipelineStack")
# What the project promises of its speed, as multiples of cdk synth's.
PROMISED = {"generate": 20.0, "generate + lint": 3.0, "generate + lint, cached": 10.0}
BASELINE = "cdk synth"


@dataclass
class Contestant:
    """One command line under measurement.

    Attributes:
        name: What the table calls it.
        commands: Commands that run one after another and count together.
        folder: Where they run.
        environment: What is added to this process's environment.
        seconds: Wall time of each round.
        cpu_seconds: Processor time of each round, which a busy machine changes little.
        mib: Peak resident memory of each round: of the commands' largest, with its children.
    """

    name: str
    commands: list[list[str]]
    folder: Path
    environment: dict[str, str]
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)

    def run(self, *, counted: bool) -> None:
        """Runs the commands once."""
        started = time.perf_counter()
        runs = [self._run(command) for command in self.commands]
        if counted:
            self.seconds.append(time.perf_counter() - started)
            self.cpu_seconds.append(sum(cpu for cpu, _ in runs))
            self.mib.append(max(peak for _, peak in runs))

    def _run(self, command: list[str]) -> tuple[float, float]:
        """Returns processor seconds and peak MiB of one command with its children."""
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        peak = 0.0
        while True:
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            # A process may end while its figures are read.
            with contextlib.suppress(OSError):
                peak = max(peak, peak_resident_mib(process.pid))
            time.sleep(POLL_SECONDS)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            error = process.stderr.read().decode() if process.stderr else ""
            raise SystemExit(f"{' '.join(command)} failed with {process.returncode}:\n{error}")
        return usage.ru_utime + usage.ru_stime, peak


def main() -> int:
    """Measures and reports; exits with 1 when a promise is broken."""
    arguments = _parse()
    if arguments.install_cdk:
        install_cdk()
    with tempfile.TemporaryDirectory() as folder:
        contestants = _contestants(Path(folder))
        _measure(contestants, arguments.rounds)
    rows = [_row(contestant, contestants) for contestant in contestants]
    table = markdown_table(
        ("command", "wall s", "CPU s", "MiB", "times faster than cdk synth"), rows
    )
    output = ROOT / "dist" / "bench"
    output.mkdir(parents=True, exist_ok=True)
    (output / "generate.md").write_text(table)
    (output / "generate.json").write_text(json.dumps(_figures(contestants), indent=2) + "\n")
    print(table)
    broken = _broken(contestants)
    for sentence in broken:
        print(sentence, file=sys.stderr)
    return 1 if broken else 0


def install_cdk() -> None:
    """Installs CDK and compiles the comparison app below .cache/cdk."""
    if shutil.which("npm") is None:
        raise SystemExit("npm is missing: install Node.js 20 or later, or leave --install-cdk out")
    shutil.copytree(CDK_SOURCE, CDK_FOLDER, dirs_exist_ok=True)
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=CDK_FOLDER, check=True
    )
    subprocess.run(["npx", "tsc"], cwd=CDK_FOLDER, check=True)


def _contestants(folder: Path) -> list[Contestant]:
    cdk = CDK_FOLDER / "node_modules" / "aws-cdk" / "bin" / "cdk"
    script = str(ROOT / "generate.py")
    generate = [sys.executable, script, "generate", "--output-dir", str(folder / "dist")]
    templates = [str(folder / "dist" / f"{stack}.template.json") for stack in STACKS]
    lint = [sys.executable, script, "lint", *templates]
    # A cache of its own: the user's may hold the result, or not.
    own_cache = {"XDG_CACHE_HOME": str(folder / "cache")}
    contestants = [
        Contestant("generate", [generate], ROOT, own_cache),
        Contestant("generate + lint", [generate, [*lint, "--no-cache"]], ROOT, own_cache),
        Contestant("generate + lint, cached", [generate, lint], ROOT, own_cache),
    ]
    if cdk.exists():
        # The compiled app, started without npx: CDK at its fastest.
        synth = ["node", str(cdk), "synth", "--quiet", "--output", str(folder / "cdk.out")]
        contestants.append(
            Contestant(BASELINE, [synth], CDK_FOLDER, {"CDK_DISABLE_VERSION_CHECK": "1"})
        )
    return contestants


def _measure(contestants: list[Contestant], rounds: int) -> None:
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    ) as progress:
        # The round that does not count fills the page cache, Python's bytecode and our own cache.
        for number in range(rounds + 1):
            name = f"round {number} of {rounds}" if number else "warm-up"
            task = progress.add_task(name, total=len(contestants))
            for contestant in contestants:
                contestant.run(counted=number > 0)
                progress.advance(task)


def _ratio(contestant: Contestant, contestants: list[Contestant]) -> float | None:
    """Median over the rounds of how many times faster than the baseline it was in that round."""
    baseline = next((item for item in contestants if item.name == BASELINE), None)
    if baseline is None:
        return None
    pairs = zip(baseline.seconds, contestant.seconds, strict=True)
    return statistics.median(theirs / ours for theirs, ours in pairs)


def _row(contestant: Contestant, contestants: list[Contestant]) -> list[str]:
    ratio = _ratio(contestant, contestants)
    return [
        contestant.name,
        f"{statistics.median(contestant.seconds):.2f}",
        f"{statistics.median(contestant.cpu_seconds):.2f}",
        f"{statistics.median(contestant.mib):.0f}",
        "" if ratio is None else f"{ratio:.1f}",
    ]


def _figures(contestants: list[Contestant]) -> list[dict[str, object]]:
    return [
        {
            "name": contestant.name,
            "seconds": contestant.seconds,
            "cpu_seconds": contestant.cpu_seconds,
            "mib": contestant.mib,
            "times_faster": _ratio(contestant, contestants),
        }
        for contestant in contestants
    ]


def _broken(contestants: list[Contestant]) -> list[str]:
    """What falls short of the project's promises."""
    baseline = next((item for item in contestants if item.name == BASELINE), None)
    if baseline is None:
        return []
    sentences = []
    for contestant in contestants:
        ratio, promised = _ratio(contestant, contestants), PROMISED.get(contestant.name)
        if promised and ratio and ratio < promised:
            sentences.append(f"{contestant.name}: {ratio:.1f} times, promised {promised:.0f}")
        if promised and statistics.median(contestant.mib) >= statistics.median(baseline.mib):
            sentences.append(f"{contestant.name}: takes no less memory than {BASELINE}")
    return sentences


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="measured rounds")
    parser.add_argument(
        "--install-cdk", action="store_true", help="install CDK into .cache/cdk first"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
