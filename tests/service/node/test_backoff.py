from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llm_service.node.backoff import Backoff


@given(base=st.floats(0.01, 10), factor=st.floats(1, 1000), tries=st.integers(1, 30))
def test_waits_between_half_of_the_bound_and_the_bound(
    base: float, factor: float, tries: int
) -> None:
    backoff = Backoff(base=base, cap=base * factor)
    bound = base
    for _ in range(tries):
        assert bound / 2 <= backoff.next() <= bound
        bound = min(bound * 2, base * factor)


def test_two_instances_do_not_wait_alike() -> None:
    first, second = Backoff(base=1, cap=60), Backoff(base=1, cap=60)
    assert [first.next() for _ in range(5)] != [second.next() for _ in range(5)]


def test_starts_over_after_a_success() -> None:
    backoff = Backoff(base=1, cap=60)
    for _ in range(10):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 1
