from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum


class CheckStatus(str, Enum):
    """How a check ended."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class CheckResult:
    """What one check found.

    Attributes:
        name: What was checked.
        status: How it ended.
        message: What was found.
        remedy: What to do next; empty when there is nothing to do.
    """

    name: str
    status: CheckStatus
    message: str
    remedy: str = ""

    @classmethod
    def passed(cls, name: str, message: str) -> CheckResult:
        """Returns a result that needs no action."""
        return cls(name, CheckStatus.PASSED, message)

    @classmethod
    def skipped(cls, name: str, message: str) -> CheckResult:
        """Returns a result for a check that does not apply."""
        return cls(name, CheckStatus.SKIPPED, message)

    @classmethod
    def warning(cls, name: str, message: str, remedy: str) -> CheckResult:
        """Returns a result that lets the deployment go on."""
        return cls(name, CheckStatus.WARNING, message, remedy)

    @classmethod
    def failed(cls, name: str, message: str, remedy: str) -> CheckResult:
        """Returns a result with which the deployment would fail."""
        return cls(name, CheckStatus.FAILED, message, remedy)

    @property
    def blocks(self) -> bool:
        """Whether the deployment would fail."""
        return self.status is CheckStatus.FAILED

    @property
    def is_warning(self) -> bool:
        """Whether a person should look at it."""
        return self.status is CheckStatus.WARNING

    def to_dict(self) -> dict[str, str]:
        """Returns the result as plain data for `--output json`."""
        return {**asdict(self), "status": self.status.value}
