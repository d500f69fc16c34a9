from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import partial

from rich.text import Text

from deployment.aws import Aws
from deployment.clock import Clock
from deployment.errors import UsageError
from deployment.output import Output
from deployment.patience import Patience
from deployment.stack_logs import LogLine, StackLogs

POLL_SECONDS = 3.0
# CloudWatch gives lines of several instances out of order and a little late; looking back over the
# last poll's end finds them, and StackLogs drops what was shown.
OVERLAP = timedelta(seconds=30)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class LogReader:
    """Shows the lines of a stack's log groups.

    Args:
        aws: Account and region.
        stack: Name of the stack.
        output: Where lines go.
        pattern: Filter pattern of CloudWatch Logs.
        group: Text that a log group's name must contain.
        stream: Text that a stream's name must begin with.
        clock: Time.
    """

    def __init__(
        self,
        aws: Aws,
        stack: str,
        output: Output,
        *,
        pattern: str = "",
        group: str = "",
        stream: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._logs = StackLogs(aws, stack)
        self._stack = stack
        self._output = output
        self._pattern = pattern
        self._group = group
        self._stream = stream
        self._clock = clock or Clock()
        self._patience = Patience(self._clock, output.warn, f"generate.py logs {stack} --follow")

    def show(self, since: str, *, follow: bool) -> None:
        """Shows lines, the oldest first.

        Args:
            since: How far back, for example 15m.
            follow: Whether to go on until Ctrl-C.
        """
        start = self._clock.now() - parse_duration(since)
        groups = self._groups()
        while True:
            asked = self._clock.now()
            lines = self._patience.ask(partial(self._lines, groups, start))
            for line in lines:
                self._output.record(line.to_dict(), _view(line))
            if not follow:
                if not lines:
                    self._output.note(f"no lines in {', '.join(groups)} in the last {since}")
                return
            start = max(start, asked - OVERLAP)
            self._clock.sleep(POLL_SECONDS)

    def _groups(self) -> list[str]:
        groups = self._logs.groups()
        chosen = [name for name in groups if self._group in name]
        if not chosen:
            raise UsageError(
                f"{self._stack} has no log group whose name contains {self._group!r}"
                if groups
                else f"{self._stack} has no log groups",
                where="--group" if groups else "STACK",
                remedy=f"choose from: {', '.join(groups)}"
                if groups
                else "name the stack that runs the service",
            )
        return chosen

    def _lines(self, groups: list[str], start: datetime) -> list[LogLine]:
        lines = [
            line
            for group in groups
            for line in self._logs.read(
                group, start, pattern=self._pattern, stream_prefix=self._stream
            )
        ]
        return sorted(lines, key=lambda line: line.time)


def parse_duration(text: str) -> timedelta:
    """Reads a duration such as 15m.

    Raises:
        UsageError: It is none.
    """
    match = re.fullmatch(r"(\d+)([smhd])", text.strip())
    if not match:
        raise UsageError(
            f"{text!r} is not a duration", where="--since", remedy="write 90s, 15m, 2h or 1d"
        )
    return timedelta(**{_UNITS[match.group(2)]: int(match.group(1))})


def _view(line: LogLine) -> Text:
    stream = line.stream.rsplit("/", 1)[-1]
    return Text.assemble(
        (f"{line.time:%Y-%m-%d %H:%M:%S} ", "dim"), (f"{stream} ", "cyan"), line.text
    )
