from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from llm_service.engine.engine_stats import EngineStats
from llm_service.metrics.embedded_metrics import EmbeddedMetrics
from llm_service.metrics.request_metrics import RequestMetrics

# CloudWatch sums a minute up; four looks at the queue in it show a burst that one would miss.
INTERVAL_SECONDS = 15.0


class MetricsPublisher:
    """Writes the figures of each interval, from the first one to the last, shortened one."""

    def __init__(
        self,
        metrics: EmbeddedMetrics,
        requests: RequestMetrics,
        stats: Callable[[], EngineStats],
        write: Callable[[str], object],
    ) -> None:
        """Prepares; writes nothing.

        Args:
            metrics: The format.
            requests: Collects the figures of requests.
            stats: Says what the engine does.
            write: Takes one line, without its end.
        """
        self._metrics = metrics
        self._requests = requests
        self._stats = stats
        self._write = write
        self._completion_tokens = 0

    async def run(self, interval_seconds: float = INTERVAL_SECONDS) -> None:
        """Publishes until it is cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(interval_seconds)
                self.publish()
        finally:
            self.publish()

    def publish(self) -> None:
        """Writes the figures since the last call."""
        stats = self._stats()
        generated = stats.completion_tokens - self._completion_tokens
        self._completion_tokens = stats.completion_tokens
        now = time.time_ns() // 1_000_000
        for line in self._metrics.lines(self._requests.take(), stats, generated, now):
            self._write(line)
