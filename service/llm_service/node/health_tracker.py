from __future__ import annotations

import time


class HealthTracker:
    """Turns single probes into a health that does not flap: thresholds both ways.

    Attributes:
        rise: Successes in a row that make healthy.
        fall: Failures in a row that make unhealthy.
        healthy: The health; unhealthy until the first `rise` successes.
        is_known: Whether that rests on probes: enough equal ones in a row were seen.
        was_healthy: Whether it was healthy at any time.
        last_failure: What the latest failed probe said.
    """

    def __init__(self, rise: int, fall: int) -> None:
        self.rise = rise
        self.fall = fall
        self.healthy = False
        self.is_known = False
        self.was_healthy = False
        self.last_failure = "not probed yet"
        self._run = 0
        self._last_succeeded = False
        self._since = time.monotonic()

    def observe(self, failure: str | None) -> bool:
        """Takes in one probe's result, None for success.

        Returns:
            Whether the health changed or became known.
        """
        succeeded = failure is None
        self.last_failure = failure or self.last_failure
        self._run = self._run + 1 if succeeded == self._last_succeeded else 1
        self._last_succeeded = succeeded
        is_news = succeeded != self.healthy or not self.is_known
        if not is_news or self._run < (self.rise if succeeded else self.fall):
            return False
        if succeeded != self.healthy:
            self._since = time.monotonic()
        self.healthy = succeeded
        self.is_known = True
        self.was_healthy = self.was_healthy or succeeded
        return True

    @property
    def seconds_unhealthy(self) -> float:
        """Seconds since it was last healthy, or since the start; 0 while healthy."""
        return 0.0 if self.healthy else time.monotonic() - self._since
