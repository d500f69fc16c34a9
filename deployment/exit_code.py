from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status means; docs/generate.md promises it to scripts."""

    DONE = 0
    """Done, or nothing to do."""
    DIFFERENCES = 1
    """Findings, differences, drift or a failed check."""
    USAGE = 2
    """The command was called wrongly; nothing was asked of AWS or changed there."""
    AWS_REFUSED = 3
    """AWS refused a call, or could not be reached."""
    DEPLOYMENT_FAILED = 4
    """A stack operation began and failed."""
    INTERRUPTED = 130
    """Ctrl-C, as shells count it."""
