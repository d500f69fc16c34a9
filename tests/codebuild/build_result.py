from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.codebuild.phase_result import CommandResult, PhaseResult


@dataclass(frozen=True)
class BuildResult:
    """What a build leaves behind.

    Attributes:
        phases: The phases that ran, in order.
        exported: Values of the variables that the buildspec exports; those never set are absent.
        artifact: The zip file that the next action would get; None when nothing matched.
        reports: Report files that were found, by report group.
    """

    phases: tuple[PhaseResult, ...]
    exported: dict[str, str]
    artifact: Path | None
    reports: dict[str, list[Path]]

    @property
    def succeeded(self) -> bool:
        """Whether every phase succeeded and the artifact could be made."""
        return all(phase.succeeded for phase in self.phases) and self.artifact is not None

    @property
    def phase_names(self) -> list[str]:
        """The names of the phases that ran."""
        return [phase.name for phase in self.phases]

    @property
    def failure(self) -> CommandResult | None:
        """The first command that failed, in any phase."""
        return next((phase.failure for phase in self.phases if phase.failure), None)

    @property
    def log(self) -> str:
        """Everything that was printed, each command before its output."""
        return "\n".join(
            f"[{phase.name}] $ {result.command}\n{result.output}"
            for phase in self.phases
            for result in phase.commands
        )
