import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llm_service.engine.top_values import top_values


@pytest.mark.parametrize("size", [64, 1000, 4096, 64 * 1024])
@pytest.mark.parametrize("count", [1, 7, 50])
def test_same_as_topk(size: int, count: int) -> None:
    values = torch.randn(3, size, generator=torch.Generator().manual_seed(size))
    assert torch.equal(top_values(values, count), values.topk(count).values)


@given(st.integers(0, 2**31), st.integers(1, 15))
def test_same_with_many_equal_values(seed: int, count: int) -> None:
    values = torch.randint(5, (2, 4096), generator=torch.Generator().manual_seed(seed)).float()
    assert torch.equal(top_values(values, count), values.topk(count).values)
