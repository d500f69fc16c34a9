from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from llm_service.models.errors import ModelLoadError
from llm_service.models.progress import Progress

log = logging.getLogger(__name__)


class ConversionCache:
    """Folders made once and kept: whole or not there, also when two servers start together."""

    def __init__(self, folder: Path) -> None:
        """Names the folder that holds them.

        Args:
            folder: Made where it does not exist.
        """
        self._folder = folder.expanduser()

    def get(self, key: str, make: Callable[[Path], None]) -> Path:
        """Returns the folder of a key, made first if need be.

        Args:
            key: File name that tells the content apart from every other.
            make: Fills an empty folder. It is not called when the key is there already.

        Raises:
            ModelLoadError: The cache cannot be written.
        """
        target = self._folder / key
        if target.is_dir():
            return target
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._folder / f"{key}.lock")
            with Progress(log, f"waiting for another server that fills {self._folder}"):
                lock.acquire()
            try:
                if not target.is_dir():
                    self._make(target, make)
            finally:
                lock.release()
        except OSError as error:
            raise ModelLoadError(
                f"MODEL_CACHE_DIR={self._folder}: {error.strerror or error}; "
                "name a folder that this user may write to, with room for the model"
            ) from error
        return target

    def _make(self, target: Path, make: Callable[[Path], None]) -> None:
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=self._folder))
        try:
            make(temporary)
            for path in temporary.iterdir():
                path.chmod(0o644)  # a container's user reads what another user converted
                _flush_to_disk(path)
            temporary.chmod(0o755)
            temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _flush_to_disk(path: Path) -> None:
    """A rename may reach the disk before what it names, unless that is flushed first."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
