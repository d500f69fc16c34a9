from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.answer_timing import AnswerTiming


@dataclass(frozen=True)
class Measurement:
    """What one server did with one workload.

    Attributes:
        tokens_per_second: Tokens of all answers over the time from the first request to the end of
            the last answer.
        first_token_median: Seconds from a request to its first token.
        first_token_p99: The same, 99th percentile.
        gap_median: Seconds between two pieces of one answer.
        gap_p99: The same, 99th percentile.
        tokens: Tokens of all answers.
    """

    tokens_per_second: float
    first_token_median: float
    first_token_p99: float
    gap_median: float
    gap_p99: float
    tokens: int

    @classmethod
    def of(cls, answers: Sequence[AnswerTiming]) -> Measurement:
        """Sums up the answers to one workload.

        Raises:
            ValueError: An answer had no piece at all.
        """
        empty = sum(not answer.pieces for answer in answers)
        if empty:
            raise ValueError(f"{empty} of {len(answers)} answers were empty")
        tokens = sum(answer.tokens for answer in answers)
        begin = min(answer.started for answer in answers)
        end = max(answer.pieces[-1] for answer in answers)
        first = [answer.time_to_first_token for answer in answers]
        gaps = [gap for answer in answers for gap in answer.gaps]
        return cls(
            tokens_per_second=tokens / (end - begin),
            first_token_median=statistics.median(first),
            first_token_p99=float(np.percentile(first, 99)),
            gap_median=statistics.median(gaps) if gaps else 0.0,
            gap_p99=float(np.percentile(gaps, 99)) if gaps else 0.0,
            tokens=tokens,
        )

    @classmethod
    def median(cls, runs: Sequence[Measurement]) -> Measurement:
        """Returns the median of every figure over several runs of one workload."""
        return cls(
            tokens_per_second=statistics.median(run.tokens_per_second for run in runs),
            first_token_median=statistics.median(run.first_token_median for run in runs),
            first_token_p99=statistics.median(run.first_token_p99 for run in runs),
            gap_median=statistics.median(run.gap_median for run in runs),
            gap_p99=statistics.median(run.gap_p99 for run in runs),
            tokens=round(statistics.median(run.tokens for run in runs)),
        )
