from collections.abc import Sequence as SequenceOf

import torch

from llm_service.engine.inverse_cdf import draw, row_sums
from llm_service.engine.sampling_params import SamplingParams
from llm_service.engine.sampling_thresholds import sampling_thresholds
from llm_service.engine.vocabulary_runs import RUN_LENGTH, VocabularyRuns

# So many runs are looked at first, and so many times more where they do not hold all candidates.
FIRST_COUNT = 64
GROWTH = 8


def first_count(params: SamplingParams) -> int:
    """How many runs to look at first for a row's parameters.

    It depends on the row alone and has few values, so that most rows of a batch share one.
    """
    count = FIRST_COUNT
    while count < params.top_k:
        count *= GROWTH
    return count


def draw_from_candidates(
    runs: VocabularyRuns,
    params: SequenceOf[SamplingParams],
    temperatures: torch.Tensor,
    uniforms: torch.Tensor,
    count: int,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draws a token that passes top_k, top_p and min_p, looking at a few runs of each row only.

    Args:
        runs: The rows' scores.
        params: Their parameters, n.
        temperatures: Float32, [n, 1].
        uniforms: At least 0 and below 1, float64, [n].
        count: How many runs to look at, at least any top_k.

    Returns:
        Tokens, int64, [n], and whether the runs held everything that passes, boolean, [n]; a
        token without that is of no use.
    """
    count = min(count, runs.num_runs)
    is_whole = count == runs.num_runs
    # In the vocabulary's order, so that tokens follow each other as in a whole row.
    chosen = runs.maxima.topk(count).indices.sort().values
    scores = _scale(runs.gather(chosen), runs, temperatures)
    size = runs.num_runs * RUN_LENGTH
    largest = scores.topk(size if is_whole else count).values
    thresholds = sampling_thresholds(largest, _totals(runs, params, temperatures), params, size)

    maxima = _scale(runs.maxima, runs, temperatures)
    num_runs_needed = (maxima >= thresholds.unsqueeze(-1)).sum(-1)
    is_complete = thresholds.isfinite() & (num_runs_needed <= count)
    weights = scores.exp().masked_fill(scores < thresholds.unsqueeze(-1), 0)
    # The largest score always has a weight, also where the threshold was not found.
    weights = torch.where(is_complete.unsqueeze(-1), weights, (scores == 0).float())
    index = draw(weights, uniforms)
    run = chosen.gather(1, (index // RUN_LENGTH).unsqueeze(-1)).squeeze(-1)
    return run * RUN_LENGTH + index % RUN_LENGTH, is_complete


def _scale(scores: torch.Tensor, runs: VocabularyRuns, temperatures: torch.Tensor) -> torch.Tensor:
    """Divides by the temperature after the largest became 0: nothing overflows then."""
    return (scores - runs.best.unsqueeze(-1)).div_(temperatures)


def _totals(
    runs: VocabularyRuns, params: SequenceOf[SamplingParams], temperatures: torch.Tensor
) -> torch.Tensor:
    """Sum of the exponentials of each row; 0 where nothing asks for it.

    Only top_p does, and only where top_k leaves the whole row.
    """
    totals = torch.zeros(len(params), dtype=torch.float64, device=runs.best.device)
    size = runs.num_runs * RUN_LENGTH
    rows = [row for row, one in enumerate(params) if one.top_p < 1 and not 0 < one.top_k < size]
    if rows:
        part = runs.rows(rows)
        totals[rows] = row_sums(_scale(part.scores(), part, temperatures[rows]).exp_())
    return totals
