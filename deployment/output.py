from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from rich.console import Console, RenderableType
from rich.prompt import Confirm
from rich.table import Table
from rich.text import Text

from deployment.errors import UsageError

# A table that goes into a file or a pipe is read later, on whatever width.
WIDTH_WITHOUT_TERMINAL = 200


class Output:
    """Where a command's words go: results to stdout, everything else to stderr.

    Args:
        as_json: Whether results are JSON documents.
        stdout: Where results go.
        stderr: Where the rest goes.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        stdout: IO[str] | None = None,
        stderr: IO[str] | None = None,
    ) -> None:
        self.as_json = as_json
        self._out = _console(stdout or sys.stdout)
        self.err = _console(stderr or sys.stderr)

    def result(self, data: Any, *renderables: RenderableType) -> None:
        """Shows a result: the data as JSON, or else the renderables for people."""
        if self.as_json:
            text = json.dumps(data, indent=2, ensure_ascii=False, default=str)
            self._out.file.write(text + "\n")
            self._out.file.flush()
            return
        for renderable in renderables:
            show(self._out, renderable)

    def record(self, data: Any, renderable: RenderableType) -> None:
        """Shows one of an endless row of results: JSON in one line each."""
        if self.as_json:
            self._out.file.write(json.dumps(data, ensure_ascii=False, default=str) + "\n")
            self._out.file.flush()
        else:
            show(self._out, renderable)

    def write(self, text: str) -> None:
        """Writes a piece of a streamed result as it stands."""
        self._out.file.write(text)
        self._out.file.flush()

    def note(self, sentence: str) -> None:
        """Says something beside the result."""
        show(self.err, Text(sentence))

    def warn(self, sentence: str) -> None:
        """Says something that the reader should not overlook."""
        show(self.err, Text.assemble(("Warning: ", "yellow"), sentence))

    def confirm(self, question: str, *, flag: str = "--yes") -> bool:
        """Asks a person on the terminal.

        Raises:
            UsageError: There is no terminal to ask on.
        """
        if not sys.stdin.isatty():
            raise UsageError(
                f"nobody can answer here: {question}",
                where="no terminal",
                remedy=f"look at `generate.py diff`, then give {flag}",
            )
        return Confirm.ask(Text(question), console=self.err, default=False)

    @contextmanager
    def working(self, sentence: str) -> Iterator[None]:
        """Shows that something takes a while; without a terminal it is one line."""
        if self.err.is_terminal and not self.as_json:
            with self.err.status(Text(sentence)):
                yield
        else:
            self.note(f"{sentence} ...")
            yield


def show(console: Console, renderable: RenderableType) -> None:
    """Prints with long lines in one piece: a link or log line that is broken cannot be used."""
    console.print(renderable, soft_wrap=not isinstance(renderable, Table))


def _console(file: IO[str]) -> Console:
    console = Console(file=file, highlight=False, emoji=False)
    if not console.is_terminal:
        console = Console(file=file, highlight=False, emoji=False, width=WIDTH_WITHOUT_TERMINAL)
    return console
