from __future__ import annotations

from pathlib import Path

from deployment.errors import UsageError


def write_file(path: Path, text: str) -> None:
    """Writes a result file.

    Raises:
        UsageError: It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", remedy="name a file that you may write"
        ) from error
