from __future__ import annotations

from datetime import timedelta

from rich.console import Console
from rich.text import Text

from deployment.stack_event import StackEvent


class LineView:
    """Shows an operation as one line an event: for logs, pipes and CI.

    Args:
        console: Where the lines go.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def event(self, event: StackEvent, elapsed: timedelta) -> None:
        """Shows one event, and the time since the operation began."""
        self._console.print(event_line(event, elapsed), soft_wrap=True)

    def trouble(self, sentence: str) -> None:
        """Shows that AWS does not answer for the moment."""
        self._console.print(Text(sentence, "yellow"))


def event_line(event: StackEvent, elapsed: timedelta) -> Text:
    """Returns an event as one line: time since the start, status, resource, reason."""
    minutes, seconds = divmod(int(elapsed.total_seconds()), 60)
    line = Text(f"{minutes:3d}:{seconds:02d}  ")
    line.append(f"{event.status:<36}", _style(event))
    line.append(f" {event.logical_id}  ")
    line.append(event.type, "dim")
    if event.reason and (event.is_failure or event.is_stack):
        line.append(f"  {event.reason}", _style(event))
    return line


def _style(event: StackEvent) -> str:
    if event.is_failure:
        return "bold red"
    if event.is_undo or "cancelled" in event.reason:
        return "yellow"
    return "green" if event.is_over else ""
