# Share of the newest interval in the average.
_WEIGHT = 0.2
# Before anything has ended, and as bounds: a caller should neither hammer nor give up.
_FIRST_GUESS_SECONDS = 1.0
_SHORTEST_SECONDS = 0.1
_LONGEST_SECONDS = 60.0


class CompletionRate:
    """Estimates how soon the next request ends, from how often requests ended lately."""

    def __init__(self) -> None:
        self._average: float | None = None
        self._last: float | None = None

    def record(self, now: float) -> None:
        """Notes that a request ended.

        Args:
            now: The time, in seconds of `time.monotonic()`.
        """
        if self._last is not None:
            interval = now - self._last
            if self._average is None:
                self._average = interval
            else:
                self._average += _WEIGHT * (interval - self._average)
        self._last = now

    def pause(self) -> None:
        """Notes that nothing runs: the time until the next end would say nothing."""
        self._last = None

    @property
    def seconds_to_next(self) -> float:
        """Estimated time until the next request ends."""
        average = _FIRST_GUESS_SECONDS if self._average is None else self._average
        return min(max(average, _SHORTEST_SECONDS), _LONGEST_SECONDS)
