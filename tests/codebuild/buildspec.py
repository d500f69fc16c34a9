from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # PyYAML carries no types

PHASES = ("install", "pre_build", "build", "post_build")

_TOP_KEYS = {"version", "env", "phases", "reports", "artifacts", "cache", "run-as"}
_ENV_KEYS = {"shell", "variables", "exported-variables", "parameter-store", "secrets-manager"}
_PHASE_KEYS = {"run-as", "on-failure", "runtime-versions", "commands", "finally"}
_ARTIFACT_KEYS = {"files", "name", "discard-paths", "base-directory", "exclude-paths"}


class Buildspec:
    """A buildspec of version 0.2, refused when it holds a key that CodeBuild does not know.

    Args:
        text: The YAML text.

    Raises:
        ValueError: A key, a phase or a command is not what CodeBuild takes.
    """

    def __init__(self, text: str) -> None:
        self._data: dict[str, Any] = yaml.safe_load(text)
        _only(self._data, _TOP_KEYS, "buildspec")
        if str(self._data.get("version")) != "0.2":
            raise ValueError("version: give 0.2, in which commands share one environment")
        _only(self._data.get("env", {}), _ENV_KEYS, "env")
        _only(self._data.get("artifacts", {}), _ARTIFACT_KEYS, "artifacts")
        _only(self._data["phases"], set(PHASES), "phases")
        for name, phase in self._data["phases"].items():
            _only(phase, _PHASE_KEYS, f"phases.{name}")
            commands = [*phase.get("commands", []), *phase.get("finally", [])]
            strays = [command for command in commands if not isinstance(command, str)]
            if strays:
                raise ValueError(f"phases.{name}: {strays} are no strings; put them in quotes")

    @classmethod
    def read(cls, path: Path) -> Buildspec:
        """Returns the buildspec in a file."""
        return cls(path.read_text(encoding="utf-8"))

    @property
    def shell(self) -> str:
        """The shell that runs the commands."""
        return str(self._env.get("shell", "sh"))

    @property
    def variables(self) -> dict[str, str]:
        """Variables with the values that nothing else overrides."""
        return {name: str(value) for name, value in self._env.get("variables", {}).items()}

    @property
    def exported_variables(self) -> list[str]:
        """Names of the variables that later actions may read."""
        return list(self._env.get("exported-variables", []))

    @property
    def artifacts(self) -> dict[str, Any]:
        """The artifacts section."""
        return dict(self._data.get("artifacts", {}))

    @property
    def reports(self) -> dict[str, Any]:
        """The reports section."""
        return dict(self._data.get("reports", {}))

    def commands(self, phase: str) -> list[str]:
        """Returns a phase's commands."""
        return list(self._phase(phase).get("commands", []))

    def final_commands(self, phase: str) -> list[str]:
        """Returns the commands that run after a phase's commands whatever became of them."""
        return list(self._phase(phase).get("finally", []))

    def aborts(self, phase: str) -> bool:
        """Returns whether a failure of the phase ends the build at once."""
        return bool(self._phase(phase).get("on-failure") == "ABORT")

    @property
    def _env(self) -> dict[str, Any]:
        return dict(self._data.get("env", {}))

    def _phase(self, name: str) -> dict[str, Any]:
        return dict(self._data["phases"].get(name, {}))


def _only(section: dict[str, Any], allowed: set[str], where: str) -> None:
    unknown = set(section) - allowed
    if unknown:
        raise ValueError(f"{where}: CodeBuild knows no {sorted(unknown)}")
