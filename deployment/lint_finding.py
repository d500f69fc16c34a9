from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LintFinding:
    """One thing that is wrong in a template.

    Attributes:
        file: The template's path.
        line: Line in it, from 1.
        column: Column in it, from 1.
        rule: Id of the rule; ours start with E9.
        severity: error, warning or informational.
        message: What is wrong.
        path: Where in the template, such as Resources/Vpc/Properties/CidrBlock.
        source: Page that explains the rule.
    """

    file: str
    line: int
    column: int
    rule: str
    severity: str
    message: str
    path: str
    source: str

    @classmethod
    def from_match(cls, match: Any) -> LintFinding:
        """Returns a cfn-lint match as plain data."""
        return cls(
            file=str(match.filename),
            line=int(match.linenumber),
            column=int(match.columnnumber),
            rule=str(match.rule.id),
            severity=str(match.rule.severity),
            message=str(match.message),
            path="/".join(map(str, getattr(match, "path", None) or [])),
            source=str(match.rule.source_url),
        )

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.rule} {self.message}"
