import torch

# Largest values are looked for in runs of so many neighbours first.
_RUN = 64


def top_values(values: torch.Tensor, count: int) -> torch.Tensor:
    """The largest values of each row.

    The same as `torch.topk(values, count).values`, several times faster on long rows: the
    `count` largest values are all found in the `count` runs whose own maxima are the largest.

    Args:
        values: [n, size]
        count: How many, at most size.

    Returns:
        [n, count], falling.
    """
    num_rows, size = values.shape
    if size % _RUN or size < 4 * count * _RUN:
        return values.topk(count).values
    runs = values.view(num_rows, -1, _RUN)
    best_runs = runs.amax(-1).topk(count).indices
    candidates = runs.gather(1, best_runs.unsqueeze(-1).expand(-1, -1, _RUN))
    return candidates.flatten(1).topk(count).values
