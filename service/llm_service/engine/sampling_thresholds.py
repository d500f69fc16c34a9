import math
from collections.abc import Sequence as SequenceOf

import torch

from llm_service.engine.run_sums import split_into_runs
from llm_service.engine.sampling_params import SamplingParams
from llm_service.engine.top_values import top_values

# So many of the largest scores are tried first to reach top_p, and more only where needed.
_FIRST_TRY = 256
_GROWTH = 8
# exp() of anything lower is 0 in float32.
_LOWEST_SCORE = -104.0


def sampling_thresholds(scores: torch.Tensor, params: SequenceOf[SamplingParams]) -> torch.Tensor:
    """The score that a token needs to pass top_k, top_p and min_p.

    Each of the three keeps the most likely tokens, so together they are one threshold. Tokens as
    likely as the last one that is kept are kept too: the result does not depend on an order
    among them.

    Args:
        scores: Logits divided by the temperature, the largest of each row 0, float32,
            [n, vocabulary].
        params: The rows' parameters, n.

    Returns:
        Float32, [n].
    """
    thresholds = torch.tensor([_min_p_threshold(one) for one in params], device=scores.device)
    pending = [row for row, one in enumerate(params) if one.top_k > 0 or one.top_p < 1]
    count = max([_FIRST_TRY, *(params[row].top_k for row in pending)])
    while pending:
        found = _top_k_top_p(
            scores[pending], [params[row] for row in pending], min(count, scores.shape[1])
        )
        reached = found.isfinite()
        thresholds[pending] = torch.where(
            reached, torch.maximum(thresholds[pending], found), thresholds[pending]
        )
        pending = [row for row, done in zip(pending, reached.tolist(), strict=True) if not done]
        count *= _GROWTH
    return thresholds


def _min_p_threshold(params: SamplingParams) -> float:
    return max(math.log(params.min_p), _LOWEST_SCORE) if params.min_p > 0 else _LOWEST_SCORE


def _top_k_top_p(
    scores: torch.Tensor, params: SequenceOf[SamplingParams], count: int
) -> torch.Tensor:
    """The score of the last token that top_k and top_p keep, looked for in the `count` largest.

    Returns:
        Float32, [n]; infinite where the last token is not among them.
    """
    device, size = scores.device, scores.shape[1]
    top_k = torch.tensor([min(one.top_k or size, size) for one in params], device=device)
    top_p = torch.tensor([one.top_p for one in params], dtype=torch.float64, device=device)
    values = top_values(scores, count)
    ranks = torch.arange(count, device=device)
    weights = values.double().exp().masked_fill(ranks >= top_k.unsqueeze(-1), 0)
    cumulative = weights.cumsum(-1)
    # top_p counts over what top_k left.
    total = torch.where(top_k < size, cumulative[:, -1], _row_sums(scores.exp()))
    wanted = top_p * total
    num_kept = (cumulative < wanted.unsqueeze(-1)).sum(-1) + 1
    num_kept = torch.where(top_p < 1, num_kept, top_k)
    last = torch.minimum(num_kept, top_k) - 1
    found = values.gather(1, last.clamp(max=count - 1).unsqueeze(-1)).squeeze(-1)
    found = found.clamp(min=_LOWEST_SCORE)
    return found if count == size else found.masked_fill(last >= count, torch.inf)


def _row_sums(values: torch.Tensor) -> torch.Tensor:
    return split_into_runs(values).sum(-1).double().sum(-1)
