import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from llm_service.engine.inverse_cdf import draw


def rows(seed: int, size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    weights = torch.rand(4, size, generator=generator)
    weights[torch.rand(4, size, generator=generator) < 0.5] = 0
    weights[:, size // 2] = 1
    return weights


@given(
    seed=st.integers(0, 1000),
    size=st.integers(1, 3000),
    uniforms=st.lists(st.floats(0, 1, exclude_max=True), min_size=4, max_size=4),
)
def test_same_as_a_plain_search(seed: int, size: int, uniforms: list[float]) -> None:
    weights = rows(seed, size)
    drawn = draw(weights, torch.tensor(uniforms, dtype=torch.float64))
    for row, index, number in zip(weights.double().numpy(), drawn.tolist(), uniforms, strict=True):
        assert row[index] > 0
        ends = np.cumsum(row)
        # Sums are formed in float32 first: a target within its rounding may fall to a neighbour.
        slack = 1e-6 * ends[-1]
        assert ends[index] - row[index] - slack <= number * ends[-1] <= ends[index] + slack


@given(seed=st.integers(0, 1000), size=st.integers(1, 3000), number=st.floats(0, 0.999999))
def test_a_row_does_not_depend_on_the_others(seed: int, size: int, number: float) -> None:
    weights = rows(seed, size)
    uniforms = torch.full((4,), number, dtype=torch.float64)
    together = draw(weights, uniforms)
    for row in range(4):
        assert draw(weights[row : row + 1], uniforms[:1]) == together[row]


def test_frequencies_follow_the_weights() -> None:
    weights = torch.tensor([[1.0, 0.0, 3.0, 6.0]])
    uniforms = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    drawn = draw(weights.expand(1000, -1), uniforms)
    assert drawn.bincount(minlength=4).tolist() == [100, 0, 300, 600]


def test_the_largest_number_takes_the_last_token_that_has_weight() -> None:
    weights = torch.zeros(1, 2000)
    weights[0, [3, 700, 1500]] = torch.tensor([0.1, 0.2, 0.3])
    assert draw(weights, torch.tensor([1 - 2.0**-53], dtype=torch.float64)).tolist() == [1500]
