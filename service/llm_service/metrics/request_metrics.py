from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field


@dataclass
class RequestFigures:
    """What happened to requests in one interval.

    Attributes:
        requests: Number of requests that ended, refused and abandoned ones included.
        errors: Those of them that ended with an error.
        latencies_ms: Time from arrival to the end of each answered request.
        first_tokens_ms: Time from arrival to the first piece of each streamed answer.
    """

    requests: int = 0
    errors: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    first_tokens_ms: list[float] = field(default_factory=list)


class RequestMetrics:
    """Collects figures of requests until they are taken. May be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._figures = RequestFigures()

    def answered(self, started: float, first_message_at: float | None) -> None:
        """Notes that a request was answered just now.

        Args:
            started: When it arrived, in seconds of `time.monotonic()`.
            first_message_at: When the first piece of a stream went out; None for a unary call.
        """
        now = time.monotonic()
        with self._lock:
            self._figures.requests += 1
            self._figures.latencies_ms.append(round((now - started) * 1000, 1))
            if first_message_at is not None:
                self._figures.first_tokens_ms.append(round((first_message_at - started) * 1000, 1))

    def failed(self) -> None:
        """Notes that a request was refused, or broke off by our fault."""
        with self._lock:
            self._figures.requests += 1
            self._figures.errors += 1

    def abandoned(self) -> None:
        """Notes that a caller went away before its answer was whole."""
        with self._lock:
            self._figures.requests += 1

    def take(self) -> RequestFigures:
        """Returns the figures since the last call, and starts anew."""
        with self._lock:
            figures, self._figures = self._figures, RequestFigures()
        return figures
