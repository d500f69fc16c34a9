from __future__ import annotations

import time


class HealthTracker:
    """Turns single probes into a health that does not flap: thresholds both ways.

    Attributes:
        rise: Successes in a row that make healthy.
        fall: Failures in a row that make unhealthy.
        healthy: The health; unhealthy until the first `rise` successes.
        was_healthy: Whether it was healthy at any time.
        last_failure: What the latest failed probe said.
    """

    def __init__(self, rise: int, fall: int) -> None:
        self.rise = rise
        self.fall = fall
        self.healthy = False
        self.was_healthy = False
        self.last_failure = "not probed yet"
        self._run = 0
        self._since = time.monotonic()

    def observe(self, failure: str | None) -> bool:
        """Takes in one probe's result, None for success; returns whether the health changed."""
        if failure is not None:
            self.last_failure = failure
        if (failure is None) == self.healthy:
            self._run = 0
            return False
        self._run += 1
        if self._run < (self.fall if self.healthy else self.rise):
            return False
        self._run = 0
        self.healthy = not self.healthy
        self.was_healthy = self.was_healthy or self.healthy
        self._since = time.monotonic()
        return True

    @property
    def seconds_unhealthy(self) -> float:
        """Seconds since it was last healthy, or since the start; 0 while healthy."""
        return 0.0 if self.healthy else time.monotonic() - self._since
