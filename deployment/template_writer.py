from __future__ import annotations

from pathlib import Path

from deployment.errors import UsageError
from templates.stack import Stack


class TemplateWriter:
    """Writes stacks' templates into a folder, and nothing when nothing changed.

    Args:
        folder: Where the files go; it is made when it is absent.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, stack: Stack) -> Path:
        """Writes a stack's template and returns its path.

        Raises:
            UsageError: The folder or file cannot be written.
        """
        return self.write_text(stack.file_name, stack.to_json())

    def write_text(self, name: str, text: str) -> Path:
        """Writes a file into the folder and returns its path.

        Raises:
            UsageError: The folder or file cannot be written.
        """
        path = self._folder / name
        data = text.encode("utf-8")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # An unchanged file keeps its time, so that make and watchers see no change.
            if not path.is_file() or path.read_bytes() != data:
                path.write_bytes(data)
        except OSError as error:
            raise UsageError(
                f"{path} cannot be written: {error.strerror}",
                where="--output-dir",
                remedy="Give a folder that you may write to.",
            ) from error
        return path
