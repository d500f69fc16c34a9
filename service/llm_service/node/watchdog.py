from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

CHECK_SECONDS = 5.0
EXIT_CODE = 70


def _die() -> None:
    # Where every thread hangs, for whoever reads the log.
    faulthandler.dump_traceback(file=sys.stderr)
    sys.stdout.flush()
    # Not sys.exit: what hangs would hang its end too.
    os._exit(EXIT_CODE)


class Watchdog:
    """Ends a process that hangs, so that systemd starts it afresh.

    An agent that hangs is worse than one that crashed: Cloud Map would keep its last word.

    Args:
        limits: Name of each loop that is watched, and the seconds that it may take for one turn.
        on_hang: What is done about it.
    """

    def __init__(self, limits: Mapping[str, float], on_hang: Callable[[], None] = _die) -> None:
        self._limits = dict(limits)
        self._on_hang = on_hang
        self._beats: dict[str, float] = {}
        self._is_over = threading.Event()

    def start(self) -> None:
        """Begins to watch, in a thread that no event loop can hold up."""
        now = time.monotonic()
        self._beats = dict.fromkeys(self._limits, now)
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Ends watching."""
        self._is_over.set()

    def beat(self, name: str) -> None:
        """Notes that a loop has done one more turn."""
        self._beats[name] = time.monotonic()

    def _watch(self) -> None:
        while not self._is_over.wait(CHECK_SECONDS):
            for name, limit in self._limits.items():
                silent = time.monotonic() - self._beats[name]
                if silent > limit:
                    logger.critical(
                        "the agent hangs", extra={"loop": name, "seconds": round(silent)}
                    )
                    self._on_hang()
                    return
