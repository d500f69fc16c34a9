from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from deployment.lint_finding import LintFinding


@dataclass(frozen=True)
class LintReport:
    """What linting found, ready to be printed.

    Attributes:
        findings: Findings by file, line and rule.
        document: The SARIF or JUnit document; empty for text and JSON, which the findings give.
    """

    findings: tuple[LintFinding, ...]
    document: str = ""

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LintReport:
        """Reads what `to_dict` wrote."""
        return cls(tuple(LintFinding(**entry) for entry in data["findings"]), data["document"])

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as plain data."""
        return asdict(self)
