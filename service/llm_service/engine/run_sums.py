import torch
from torch.nn.functional import pad

# Number of neighbours that are summed in one run.
RUN_LENGTH = 512


def split_into_runs(values: torch.Tensor) -> torch.Tensor:
    """Cuts rows into runs of RUN_LENGTH neighbours, the last one filled with zeros.

    Sums over runs first and over the runs' sums then do not depend on the number of rows or of
    threads: no kernel splits such short sums further. Sums over whole rows do.

    Args:
        values: [n, size]

    Returns:
        [n, runs, RUN_LENGTH]
    """
    missing = -values.shape[1] % RUN_LENGTH
    if missing:
        values = pad(values, (0, missing))
    return values.view(len(values), -1, RUN_LENGTH)
