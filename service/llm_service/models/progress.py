from __future__ import annotations

import logging
import threading
import time
from types import TracebackType

_FIRST_REPORT_SECONDS = 2.0
_REPORT_INTERVAL_SECONDS = 5.0


class Progress:
    """Logs that a long step is still at work; a step below two seconds stays silent.

    Use as a context manager around the step.
    """

    def __init__(self, log: logging.Logger, step: str) -> None:
        """Names the step.

        Args:
            log: Where to report.
            step: What is being done, for example `converting model.gguf`.
        """
        self._log = log
        self._step = step
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._report, name="progress", daemon=True)
        self._start = 0.0

    def __enter__(self) -> Progress:
        """Starts the clock."""
        self._start = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops reporting, and says how long a long step took."""
        self._done.set()
        self._thread.join()
        seconds = time.monotonic() - self._start
        if kind is None and seconds >= _FIRST_REPORT_SECONDS:
            self._log.info("%s: done in %.1f s", self._step, seconds)

    def _report(self) -> None:
        wait = _FIRST_REPORT_SECONDS
        while not self._done.wait(wait):
            self._log.info("%s: %.0f s so far", self._step, time.monotonic() - self._start)
            wait = _REPORT_INTERVAL_SECONDS
