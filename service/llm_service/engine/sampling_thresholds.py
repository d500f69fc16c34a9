import math
from collections.abc import Sequence as SequenceOf

import torch

from llm_service.engine.sampling_params import SamplingParams

# exp() of anything lower is 0 in float32.
_LOWEST_SCORE = -104.0


def sampling_thresholds(
    largest: torch.Tensor, totals: torch.Tensor, params: SequenceOf[SamplingParams], size: int
) -> torch.Tensor:
    """The score that a token needs to pass top_k, top_p and min_p.

    Each of the three keeps the most likely tokens, so together they are one threshold. Tokens as
    likely as the last one that is kept are kept too: the result does not depend on an order
    among them.

    Args:
        largest: The largest scores of each row, falling, the first one 0, float32, [n, count].
            At least as many as any top_k, or all.
        totals: Sum of the exponentials of all scores of a row, float64, [n]; not used where
            top_k leaves less, or top_p is 1.
        params: The rows' parameters, n.
        size: Number of scores of a whole row.

    Returns:
        Float32, [n]; plus infinity where it lies below the given scores.
    """
    device, count = largest.device, largest.shape[1]
    top_k = torch.tensor([min(one.top_k or size, size) for one in params], device=device)
    top_p = torch.tensor([one.top_p for one in params], dtype=torch.float64, device=device)
    min_p = torch.tensor([_min_p_threshold(one) for one in params], device=device)

    ranks = torch.arange(count, device=device)
    weights = largest.double().exp().masked_fill(ranks >= top_k.unsqueeze(-1), 0)
    cumulative = weights.cumsum(-1)
    # top_p counts over what top_k left.
    wanted = top_p * torch.where(top_k < size, cumulative[:, -1], totals)
    num_kept = (cumulative < wanted.unsqueeze(-1)).sum(-1) + 1
    num_kept = torch.minimum(torch.where(top_p < 1, num_kept, top_k), top_k)
    last = largest.gather(1, (num_kept - 1).clamp(max=count - 1).unsqueeze(-1)).squeeze(-1)
    # A row without top_k and top_p keeps all, down to scores that are not here.
    last = last.masked_fill((top_k == size) & (top_p == 1), -torch.inf)
    is_beyond = (num_kept > count) & ((top_k < size) | (top_p < 1)) & (count < size)
    return torch.maximum(last, min_p).masked_fill(is_beyond, torch.inf)


def _min_p_threshold(params: SamplingParams) -> float:
    return max(math.log(params.min_p), _LOWEST_SCORE) if params.min_p > 0 else _LOWEST_SCORE
