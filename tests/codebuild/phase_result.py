from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class CommandResult:
    """One command of a phase: its text, exit status, and what it printed on both streams."""

    command: str
    status: int
    output: str


@dataclass
class PhaseResult:
    """One phase of a build, with the commands that ran in it, those of `finally` included."""

    name: str
    commands: list[CommandResult] = field(default_factory=list)

    @property
    def succeeded(self) -> bool:
        """Whether every command that ran ended well."""
        return all(result.status == 0 for result in self.commands)

    @property
    def failure(self) -> CommandResult | None:
        """The first command that failed."""
        return next((result for result in self.commands if result.status), None)
