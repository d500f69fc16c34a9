from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2


class DrainRequest:
    """Asks the host to stop the model server, by a file that a systemd path unit watches.

    The unit stops the server, which finishes what runs, and removes the file when the server's
    process is gone. The agent could stop it itself with the Docker socket only, and whoever holds
    that socket is root on the host.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self) -> None:
        """Asks; where the file cannot be made, logs it and leaves the server running."""
        try:
            self._path.touch()
        except OSError:
            logger.exception("the server cannot be asked to stop")

    def withdraw(self) -> None:
        """Takes back a request that an earlier agent left and nobody acted on."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            logger.exception("a drain request cannot be removed")

    async def await_stop(self, seconds: float) -> bool:
        """Waits until the request is carried out; returns False when that took too long."""
        deadline = time.monotonic() + seconds
        while self._path.exists():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True
