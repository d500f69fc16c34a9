import numpy as np


def uniform(seed: int, position: int) -> float:
    """A random number for one token of one answer.

    It depends on nothing but its arguments (Philox, a counter-based generator): the same seed
    gives the same numbers whatever else runs, and also after an interruption.

    Args:
        seed: 0 to 2**64 - 1.
        position: Number of the token in the answer, from 0.

    Returns:
        At least 0 and below 1.
    """
    bits = np.random.Philox(key=seed, counter=position).random_raw()
    return float(bits >> 11) * 2.0**-53
