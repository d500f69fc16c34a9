from __future__ import annotations

import random


class Backoff:
    """Waiting times between tries: they double up to a cap and are drawn at random below it.

    A fleet that lost its API at one moment must not come back to it at one moment. The lower half
    is left out, because a wait of nearly nothing hammers an API that throttles.

    Attributes:
        base: Bound of the first waiting time, in seconds.
        cap: Bound that the waiting times grow to, in seconds.
    """

    def __init__(self, base: float, cap: float) -> None:
        self.base = base
        self.cap = cap
        self._bound = base

    def next(self) -> float:
        """Returns the seconds to wait before the next try."""
        delay = self._bound * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, hides nothing
        self._bound = min(self.cap, self._bound * 2)
        return delay

    def reset(self) -> None:
        """Starts over, after a success."""
        self._bound = self.base
