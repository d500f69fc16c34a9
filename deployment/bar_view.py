from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from deployment.line_view import event_line
from deployment.stack_event import StackEvent


class BarView:
    """Shows an operation as events that scroll above a bar: for a terminal.

    Args:
        console: The terminal.
        title: Stack and operation.
        total: Number of resources that change; None where it is not known.
    """

    def __init__(self, console: Console, title: str, total: int | None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._title = title
        self._task = self._progress.add_task(title, total=total)
        self._done: set[str] = set()

    @contextmanager
    def shown(self) -> Iterator[BarView]:
        """Shows the bar as long as the block runs."""
        with self._progress:
            yield self

    def event(self, event: StackEvent, elapsed: timedelta) -> None:
        """Shows one event, and the time since the operation began."""
        self._progress.console.print(event_line(event, elapsed))
        if event.is_stack:
            undone = " (rolling back)" if event.is_undo else ""
            self._progress.update(self._task, description=f"{self._title}{undone}")
        elif event.is_over and not event.is_failure:
            # The set and not a count: a resource may come to rest more than once.
            self._done.add(event.logical_id)
            self._progress.update(self._task, completed=len(self._done))

    def trouble(self, sentence: str) -> None:
        """Shows that AWS does not answer for the moment."""
        self._progress.console.print(Text(sentence, "yellow"))
