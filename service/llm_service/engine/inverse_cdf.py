import torch
from torch.nn.functional import pad

# Weights are summed in groups of so many neighbours, and the groups' sums are added up.
_GROUP = 512


def draw(weights: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """Draws an index of each row with a probability proportional to its weight.

    A row's result depends on nothing but the row and its number, to the bit.

    Args:
        weights: Not negative, at least one of each row above 0, float32, [n, size].
        uniforms: At least 0 and below 1, float64, [n].

    Returns:
        Indices of weights above 0, int64, [n].
    """
    groups = _split_into_groups(weights)
    group_ends = _sums(groups).cumsum(-1)
    targets = uniforms * group_ends[:, -1]
    group, group_start = _locate(group_ends, targets)
    chosen = groups[torch.arange(len(groups), device=groups.device), group]
    index, _ = _locate(chosen.double().cumsum(-1), targets - group_start)
    return group * _GROUP + index


def row_sums(weights: torch.Tensor) -> torch.Tensor:
    """Sums of rows, each depending on nothing but the row, to the bit.

    Args:
        weights: Float32, [n, size].

    Returns:
        Float64, [n].
    """
    return _sums(_split_into_groups(weights)).cumsum(-1)[:, -1]


def _split_into_groups(weights: torch.Tensor) -> torch.Tensor:
    missing = -weights.shape[1] % _GROUP
    if missing:
        weights = pad(weights, (0, missing))
    return weights.view(len(weights), -1, _GROUP)


def _sums(groups: torch.Tensor) -> torch.Tensor:
    # No kernel splits so short a sum further by the number of rows or threads, as it does with
    # whole rows, whose sums then differ in the last bit.
    return groups.sum(-1).double()


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
