import pytest

from llm_service.engine.step_times import StepTimes


def measured(base: float, per_token: float) -> StepTimes:
    """A machine of known speed, measured over some steps."""
    times = StepTimes()
    times.record(0, 100, base + 100 * per_token)
    for _ in range(60):
        times.record(4, 0, base)
        times.record(4, 50, base + 50 * per_token)
    return times


def test_without_measurements_a_step_reads_the_most() -> None:
    assert StepTimes().affordable_prompt_tokens(most=256) == 256


def test_a_step_with_prompts_takes_about_twice_as_long_as_one_without() -> None:
    times = measured(base=0.040, per_token=0.001)
    assert times.affordable_prompt_tokens(most=256) == pytest.approx(40, abs=2)


def test_bounds() -> None:
    assert measured(base=0.040, per_token=0.00001).affordable_prompt_tokens(most=256) == 256
    assert measured(base=0.040, per_token=0.1).affordable_prompt_tokens(most=256) == 16
    assert measured(base=0.040, per_token=0.1).affordable_prompt_tokens(most=8) == 8


def test_steps_that_took_no_longer_for_their_prompts() -> None:
    assert measured(base=0.040, per_token=0).affordable_prompt_tokens(most=256) == 256


def test_follows_a_machine_that_becomes_slower() -> None:
    times = measured(base=0.040, per_token=0.001)
    for _ in range(60):
        times.record(4, 50, 0.040 + 50 * 0.002)
    assert times.affordable_prompt_tokens(most=256) == pytest.approx(20, abs=2)


def test_the_least_time_is_that_of_the_fastest_step() -> None:
    times = StepTimes()
    assert times.least_seconds(1000) == 0
    times.record(0, 100, 1.0)
    times.record(0, 100, 0.5)
    times.record(0, 100, 2.0)
    assert times.least_seconds(1000) == pytest.approx(5)
