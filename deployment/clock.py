from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Time as the deployment code sees it; tests put one in its place that never waits."""

    def now(self) -> datetime:
        """Returns the time of day with its zone (UTC)."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Returns seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)
