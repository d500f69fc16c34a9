"""Errors that a command ends with: each says what, where and what to do next."""

from __future__ import annotations

from typing import Any, ClassVar

from deployment.exit_code import ExitCode


class CommandError(Exception):
    """Ends a command with an exit status and a sentence that helps.

    Attributes:
        what: What went wrong, with the value that caused it.
        where: The file, option, stack or AWS call concerned; empty when `what` says it.
        remedy: What to do next, as an instruction or a command to run.
        detail: Lines that belong to the error, such as log lines; shown below it.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.DIFFERENCES

    def __init__(
        self, what: str, *, remedy: str, where: str = "", detail: tuple[str, ...] = ()
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy
        self.detail = detail

    def to_dict(self) -> dict[str, Any]:
        """Returns the error as plain data for `--output json`."""
        return {
            "error": {
                "what": self.what,
                "where": self.where,
                "remedy": self.remedy,
                "detail": list(self.detail),
                "exit_code": int(self.exit_code),
            }
        }


class UsageError(CommandError):
    """The command was called wrongly; AWS was not changed."""

    exit_code = ExitCode.USAGE


class FindingsError(CommandError):
    """The command did its work and what it found should stop a script."""

    exit_code = ExitCode.DIFFERENCES


class AwsRefusedError(CommandError):
    """AWS refused a call, or could not be reached."""

    exit_code = ExitCode.AWS_REFUSED


class DeploymentFailedError(CommandError):
    """A stack operation began and failed."""

    exit_code = ExitCode.DEPLOYMENT_FAILED


class WatchInterruptedError(CommandError):
    """Ctrl-C while an operation runs in AWS, where it goes on."""

    exit_code = ExitCode.INTERRUPTED
