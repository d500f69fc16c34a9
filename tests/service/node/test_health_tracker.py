from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llm_service.node.health_tracker import HealthTracker

RESULTS = st.lists(st.sampled_from([None, "refused"]), max_size=60)


@given(rise=st.integers(1, 5), fall=st.integers(1, 5), results=RESULTS)
def test_changes_exactly_after_enough_equal_results_in_a_row(
    rise: int, fall: int, results: list[str | None]
) -> None:
    tracker = HealthTracker(rise, fall)
    healthy: bool | None = None
    for count in range(1, len(results) + 1):
        changed = tracker.observe(results[count - 1])
        before = healthy
        if results[:count][-rise:] == [None] * rise:
            healthy = True
        elif results[:count][-fall:] == ["refused"] * fall:
            healthy = False
        assert changed == (healthy != before)
        assert tracker.healthy is bool(healthy)
        assert tracker.is_known is (healthy is not None)


@given(results=RESULTS)
def test_single_results_do_not_make_it_flap(results: list[str | None]) -> None:
    tracker = HealthTracker(rise=2, fall=2)
    alternating = [None if number % 2 else "refused" for number in range(len(results))]
    assert not any(tracker.observe(one) for one in alternating)


def test_remembers_why_and_whether_it_ever_served() -> None:
    tracker = HealthTracker(rise=1, fall=1)
    tracker.observe("refused")
    assert (tracker.was_healthy, tracker.last_failure) == (False, "refused")
    tracker.observe(None)
    assert tracker.seconds_unhealthy == 0
    tracker.observe("no answer")
    assert (tracker.was_healthy, tracker.last_failure) == (True, "no answer")
    assert tracker.seconds_unhealthy > 0
