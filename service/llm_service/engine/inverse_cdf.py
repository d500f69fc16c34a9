import torch
from torch.nn.functional import pad

from llm_service.engine.run_sums import RUN_LENGTH, split_into_runs


def draw(weights: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """Draws an index of each row with a probability proportional to its weight.

    A row's result depends on nothing but the row and its number, to the bit.

    Args:
        weights: Not negative, at least one of each row above 0, float32, [n, size].
        uniforms: At least 0 and below 1, float64, [n].

    Returns:
        Indices of weights above 0, int64, [n].
    """
    runs = split_into_runs(weights)
    run_ends = runs.sum(-1).double().cumsum(-1)
    targets = uniforms * run_ends[:, -1]
    run, run_start = _locate(run_ends, targets)
    chosen = runs[torch.arange(len(runs), device=runs.device), run]
    index, _ = _locate(chosen.double().cumsum(-1), targets - run_start)
    return run * RUN_LENGTH + index


def _locate(ends: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The interval that holds each target, and where it begins.

    Args:
        ends: Where each interval ends, rising, float64, [n, intervals].
        targets: Float64, [n].

    Returns:
        Index of an interval that is not empty, int64, [n], and its beginning, float64, [n].
    """
    # By rounding, a target may lie at the very end or beyond: then the last interval that is not
    # empty holds it.
    last = torch.nextafter(ends[:, -1], torch.zeros_like(targets))
    targets = torch.minimum(targets, last).unsqueeze(-1)
    index = torch.searchsorted(ends, targets, right=True)
    return index.squeeze(-1), pad(ends, (1, 0)).gather(1, index).squeeze(-1)
