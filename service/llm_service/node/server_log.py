from __future__ import annotations

from pathlib import Path

# Two pages of a stack trace; more would not fit one CloudWatch event beside the rest.
TAIL_BYTES = 8192


class ServerLog:
    """The model server's log file, as a source of reasons.

    Args:
        path: The file; None when there is none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def last_lines(self, count: int) -> list[str]:
        """Returns the last lines, at most `count`; none when the file cannot be read."""
        if self._path is None:
            return []
        try:
            with self._path.open("rb") as file:
                file.seek(0, 2)
                size = file.tell()
                file.seek(max(0, size - TAIL_BYTES))
                tail = file.read()
        except OSError as error:
            return [f"(the log cannot be read: {error})"]
        lines = tail.decode("utf-8", "replace").splitlines()
        # The first line is cut off in the middle unless the whole file was read.
        return lines[1 if size > TAIL_BYTES else 0 :][-count:]
