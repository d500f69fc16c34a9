from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tests.codebuild.build_result import BuildResult
from tests.codebuild.buildspec import PHASES, Buildspec
from tests.codebuild.phase_result import CommandResult, PhaseResult

_COMMAND_SECONDS = 1200


class Build:
    """Runs a buildspec on this machine by the rules of CodeBuild.

    - Commands of a phase run in order; the first that fails ends it. `finally` runs in any case.
    - After a failed install or pre_build phase no other phase runs. After a failed build phase
      post_build does, with CODEBUILD_BUILD_SUCCEEDING=0, unless on-failure says ABORT.
    - Exported variables and the working folder carry over from command to command. Anything else
      of a shell does not: CodeBuild promises one shell, and builds are safer without relying on it.
    - Variables: the run's own before the project's before the buildspec's.
    - Artifacts and reports are collected whatever became of the phases.

    Args:
        source: The checked-out source; commands start in it.
        output: Folder for the artifact.
        commit: What CODEBUILD_RESOLVED_SOURCE_VERSION holds.
        project: Variables of the project and of this run; they also take part in the environment
            that a process on the build machine has, such as PATH.
    """

    def __init__(
        self, buildspec: Buildspec, source: Path, output: Path, commit: str, project: dict[str, str]
    ) -> None:
        self._buildspec = buildspec
        self._source = source
        self._output = output
        self._folder = source
        self._environment = {
            **buildspec.variables,
            # The aws command is the one that the project locks.
            "PATH": f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/root"),
            "CI": "true",
            "CODEBUILD_BUILD_ID": "llm-service-build:00000000-0000-0000-0000-000000000000",
            "CODEBUILD_BUILD_SUCCEEDING": "1",
            "CODEBUILD_RESOLVED_SOURCE_VERSION": commit,
            "CODEBUILD_SRC_DIR": str(source),
            **project,
        }

    def run(self) -> BuildResult:
        """Runs the phases and collects what they leave."""
        phases: list[PhaseResult] = []
        for name in PHASES:
            if not self._buildspec.commands(name):
                continue
            phase = self._run_phase(name)
            phases.append(phase)
            if not phase.succeeded:
                self._environment["CODEBUILD_BUILD_SUCCEEDING"] = "0"
                if name != "build" or self._buildspec.aborts(name):
                    break
        return BuildResult(
            phases=tuple(phases),
            exported={
                name: self._environment[name]
                for name in self._buildspec.exported_variables
                if name in self._environment
            },
            artifact=self._pack_artifact(),
            reports=self._find_reports(),
        )

    def _run_phase(self, name: str) -> PhaseResult:
        phase = PhaseResult(name)
        for command in self._buildspec.commands(name):
            phase.commands.append(self._run_command(command))
            if phase.commands[-1].status:
                break
        for command in self._buildspec.final_commands(name):
            phase.commands.append(self._run_command(command))
        return phase

    def _run_command(self, command: str) -> CommandResult:
        with tempfile.TemporaryDirectory() as folder:
            state = Path(folder)
            # A trap, so that a command's own exit does not lose what it set before.
            script = (
                f"trap 'status=$?; env -0 >{state}/environment; pwd >{state}/folder; exit $status'"
                f" EXIT\n{command}\n"
            )
            done = subprocess.run(
                [self._buildspec.shell, "-c", script],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
            self._carry_over(state)
        return CommandResult(command, done.returncode, done.stdout)

    def _carry_over(self, state: Path) -> None:
        pairs = (state / "environment").read_text().split("\0")
        values = dict(pair.split("=", 1) for pair in pairs if pair)
        for name in ("_", "SHLVL", "PWD", "OLDPWD"):
            values.pop(name, None)
        self._environment = values
        self._folder = Path((state / "folder").read_text().strip())

    def _pack_artifact(self) -> Path | None:
        artifacts = self._buildspec.artifacts
        base = self._source / artifacts.get("base-directory", ".")
        files = sorted(
            {
                path
                for pattern in artifacts.get("files", [])
                for path in base.glob(pattern)
                if path.is_file()
            }
        )
        if not files:
            return None
        target = self._output / "artifact.zip"
        with zipfile.ZipFile(target, "w") as archive:
            for path in files:
                archive.write(path, path.relative_to(base))
        return target

    def _find_reports(self) -> dict[str, list[Path]]:
        return {
            name: [path for pattern in report["files"] for path in self._source.glob(pattern)]
            for name, report in self._buildspec.reports.items()
        }
