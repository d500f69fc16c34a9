from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise


@dataclass
class AnswerTiming:
    """When the pieces of one answer came, in seconds of one clock.

    Attributes:
        started: The request was sent.
        pieces: A piece of text arrived.
        tokens: Number of tokens in the whole answer.
    """

    started: float
    pieces: list[float] = field(default_factory=list)
    tokens: int = 0

    @property
    def time_to_first_token(self) -> float:
        """Seconds from the request to the first piece."""
        return self.pieces[0] - self.started

    @property
    def gaps(self) -> list[float]:
        """Seconds between one piece and the next."""
        return [later - earlier for earlier, later in pairwise(self.pieces)]
