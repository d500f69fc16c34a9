"""Starting, cancelling, refusing, draining and stopping."""

import threading
import time

import pytest
from transformers import PreTrainedTokenizerFast

from llm_service.engine.engine import Engine
from llm_service.engine.engine_config import EngineConfig
from llm_service.engine.errors import (
    DrainingError,
    EngineStoppedError,
    InvalidParameterError,
    PromptTooLongError,
    QueueFullError,
)
from llm_service.engine.finish_reason import FinishReason
from llm_service.engine.sampling_params import SamplingParams
from llm_service.engine.step_times import StepTimes
from tests.service.engine.answers import PATIENCE_SECONDS, Answer, submit
from tests.service.engine.conftest import StartEngine
from tests.service.engine.gate import Gate
from tests.service.engine.small_models import make_small_model

LONG = SamplingParams(max_tokens=200, temperature=0, ignore_eos=True)
SHORT = SamplingParams(max_tokens=3, temperature=0, ignore_eos=True)


@pytest.fixture
def gate() -> Gate:
    """A model that stands still while the gate is closed."""
    return Gate(make_small_model("llama"))


def test_cancel_frees_the_place_for_the_next(gate: Gate, start_engine: StartEngine) -> None:
    engine = start_engine(gate.model, max_batch_size=1)
    first = submit(engine, [1, 2, 3], LONG, request_id="first")
    second = submit(engine, [4, 5], SHORT)
    first.wait_for_tokens(4)
    assert engine.stats().waiting == 1
    with gate.closed():
        assert not second.outputs
        engine.cancel("first")
    assert second.wait().finish_reason is FinishReason.LENGTH
    assert first.wait().finish_reason is FinishReason.CANCELLED
    assert first.last.completion_tokens == len(first.tokens) < 200
    stats = engine.stats()
    assert (stats.waiting, stats.running, stats.cache_usage) == (0, 0, 0)


def test_cancel_of_a_waiting_request(gate: Gate, start_engine: StartEngine) -> None:
    engine = start_engine(gate.model, max_batch_size=1)
    with gate.closed():
        running = submit(engine, [1], SHORT)
        waiting = submit(engine, [2], SHORT, request_id="waiting")
        engine.cancel("waiting")
    assert waiting.wait().finish_reason is FinishReason.CANCELLED
    assert waiting.tokens == []
    assert running.wait().finish_reason is FinishReason.LENGTH


def test_cancel_of_an_unknown_or_ended_request_does_nothing(start_engine: StartEngine) -> None:
    engine = start_engine(make_small_model("llama"))
    submit(engine, [1], SHORT, request_id="ended").wait()
    engine.cancel("ended")
    engine.cancel("never seen")
    assert submit(engine, [1], SHORT).wait().finish_reason is FinishReason.LENGTH


def test_full_queue(gate: Gate, start_engine: StartEngine) -> None:
    engine = start_engine(gate.model, max_batch_size=2, max_queue_size=1)
    with gate.closed():
        answers = [submit(engine, [number], SHORT) for number in range(3)]
        with pytest.raises(QueueFullError) as caught:
            submit(engine, [9], SHORT)
        assert caught.value.retry_after_seconds > 0
    for answer in answers:
        answer.wait()
    assert submit(engine, [9], SHORT).wait().finish_reason is FinishReason.LENGTH


def test_queue_without_places_accepts_what_runs_at_once(
    gate: Gate, start_engine: StartEngine
) -> None:
    engine = start_engine(gate.model, max_batch_size=1, max_queue_size=0)
    with gate.closed():
        submit(engine, [1], SHORT)
        with pytest.raises(QueueFullError):
            submit(engine, [2], SHORT)


def test_queue_bounded_by_tokens(gate: Gate, start_engine: StartEngine) -> None:
    engine = start_engine(gate.model, max_batch_size=1, max_queue_tokens=30)
    with gate.closed():
        first = submit(engine, range(40), SHORT)
        gate.wait_for_step()
        second = submit(engine, range(25), SHORT)
        with pytest.raises(QueueFullError):
            submit(engine, range(6), SHORT)
        third = submit(engine, range(5), SHORT)
        assert engine.stats().waiting_tokens == 30
    for answer in (first, second, third):
        assert answer.wait().finish_reason is FinishReason.LENGTH


def test_prompt_too_long(start_engine: StartEngine) -> None:
    engine = start_engine(make_small_model("llama"), max_context_length=50)
    assert engine.context_length == 50
    with pytest.raises(PromptTooLongError) as caught:
        submit(engine, range(48), SHORT)
    error = caught.value
    assert (error.prompt_tokens, error.max_tokens, error.context_length) == (48, 3, 50)
    assert submit(engine, range(47), SHORT).wait().finish_reason is FinishReason.LENGTH


def test_context_is_bounded_by_what_the_model_was_trained_for(start_engine: StartEngine) -> None:
    assert start_engine(make_small_model("llama"), max_context_length=9999).context_length == 256


def test_context_is_bounded_by_the_cache(start_engine: StartEngine) -> None:
    bytes_per_token = 2 * 2 * 16 * 2 * 4
    engine = start_engine(make_small_model("llama"), cache_memory_bytes=41 * bytes_per_token)
    assert engine.context_length == 40
    assert submit(engine, range(37), SHORT).wait().finish_reason is FinishReason.LENGTH


@pytest.mark.parametrize(
    ("prompt", "options", "field"),
    [
        ([], {}, "prompt"),
        ([0, 320], {}, "prompt_token_ids"),
        ([-1], {}, "prompt_token_ids"),
        ([1], {"logit_bias": {320: 1.0}}, "logit_bias"),
        ([1], {"stop_token_ids": frozenset({-1})}, "stop_token_ids"),
    ],
)
def test_what_the_model_does_not_know_is_refused(
    prompt: list[int], options: dict[str, object], field: str, start_engine: StartEngine
) -> None:
    engine = start_engine(make_small_model("llama"))
    with pytest.raises(InvalidParameterError) as caught:
        submit(engine, prompt, SamplingParams(max_tokens=3, **options))
    assert caught.value.field == field


def test_an_id_in_use_is_refused_and_free_afterwards(gate: Gate, start_engine: StartEngine) -> None:
    engine = start_engine(gate.model)
    with gate.closed():
        first = submit(engine, [1], SHORT, request_id="same")
        with pytest.raises(InvalidParameterError, match="request_id='same'"):
            submit(engine, [1], SHORT, request_id="same")
    first.wait()
    assert submit(engine, [1], SHORT, request_id="same").wait().tokens == first.tokens


def test_deadline_in_the_queue(gate: Gate, start_engine: StartEngine) -> None:
    engine = start_engine(gate.model, max_batch_size=1)
    first = submit(engine, [1, 2, 3], LONG, request_id="first").wait_for_tokens(2)
    late = submit(engine, [4], SHORT, deadline=time.monotonic() - 1)
    assert late.wait().finish_reason is FinishReason.DEADLINE
    assert late.tokens == []
    assert not first.has_ended or first.finish_reason is FinishReason.LENGTH


def test_a_deadline_that_cannot_be_met_ends_the_request_before_its_prompt_is_read(
    gate: Gate, start_engine: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = start_engine(gate.model, max_batch_size=1)
    known = submit(engine, range(100), SHORT)
    known.wait()
    # As on a machine that needs a second for a token.
    monkeypatch.setattr(StepTimes, "least_seconds", lambda _self, num_tokens: float(num_tokens))
    soon = time.monotonic() + PATIENCE_SECONDS
    late = submit(engine, range(200, 300), SHORT, deadline=soon).wait()
    assert late.finish_reason is FinishReason.DEADLINE
    assert late.tokens == []
    # What is in the cache need not be read.
    assert submit(engine, range(100), SHORT, deadline=soon).wait().tokens == known.tokens


def test_deadline_while_it_runs(gate: Gate, start_engine: StartEngine) -> None:
    engine = start_engine(gate.model)
    with gate.closed():
        answer = submit(engine, [1], LONG, deadline=time.monotonic() + 0.5)
        gate.wait_for_step()
        time.sleep(0.6)
    assert answer.wait().finish_reason is FinishReason.DEADLINE
    assert 0 < len(answer.tokens) < 200


def test_drain_finishes_what_runs_and_refuses_the_rest(
    gate: Gate, start_engine: StartEngine
) -> None:
    engine = start_engine(gate.model, max_batch_size=1)
    with gate.closed():
        answers = [submit(engine, [number], SHORT) for number in range(3)]
        assert not engine.drain(timeout=0)
        with pytest.raises(DrainingError):
            submit(engine, [9], SHORT)
        assert engine.is_healthy()
    assert engine.drain(timeout=PATIENCE_SECONDS)
    assert all(answer.finish_reason is FinishReason.LENGTH for answer in answers)
    engine.stop()
    with pytest.raises(EngineStoppedError, match="the engine is stopped"):
        submit(engine, [1], SHORT)


def test_drain_of_an_idle_engine_is_immediate(start_engine: StartEngine) -> None:
    assert start_engine(make_small_model("llama")).drain(timeout=None)


def test_stop_cancels_what_runs_and_waits(gate: Gate, start_engine: StartEngine) -> None:
    engine = start_engine(gate.model, max_batch_size=1)
    with gate.closed():
        answers = [submit(engine, [1], LONG), submit(engine, [2], LONG)]
        gate.wait_for_step()
        stopper = threading.Thread(target=engine.stop)
        stopper.start()
    stopper.join(PATIENCE_SECONDS)
    assert all(answer.finish_reason is FinishReason.CANCELLED for answer in answers)
    assert not engine.is_healthy()
    engine.stop()


def test_an_engine_that_is_not_started(byte_tokenizer: PreTrainedTokenizerFast) -> None:
    engine = Engine(make_small_model("llama"), byte_tokenizer, EngineConfig())
    assert not engine.is_healthy()
    with pytest.raises(EngineStoppedError, match="the engine is not started"):
        submit(engine, [1], SHORT)
    with pytest.raises(EngineStoppedError):
        engine.warm_up()
    engine.stop()
    engine.start()
    assert not engine.is_healthy()


def test_warm_up_answers_and_leaves_nothing(start_engine: StartEngine) -> None:
    engine = start_engine(make_small_model("llama"))
    engine.warm_up()
    engine.warm_up()
    stats = engine.stats()
    assert stats.step_count > 0
    assert (stats.waiting, stats.running) == (0, 0)


def test_stats_while_a_step_runs(gate: Gate, start_engine: StartEngine) -> None:
    engine = start_engine(gate.model, max_batch_size=1)
    with gate.closed():
        answers = [submit(engine, range(40), SHORT), submit(engine, range(7), SHORT)]
        gate.wait_for_step()
        stats = engine.stats()
        assert (stats.running, stats.waiting, stats.waiting_tokens) == (1, 1, 7)
        assert stats.current_step_seconds > 0
        assert stats.cache_usage > 0
    for answer in answers:
        answer.wait()
    stats = engine.stats()
    assert stats.prompt_tokens == 47
    assert stats.cached_tokens == 0
    assert stats.completion_tokens == 6


def test_a_hung_step_is_not_healthy_and_recovers(gate: Gate, start_engine: StartEngine) -> None:
    engine = start_engine(gate.model, step_timeout_seconds=0.2)
    assert engine.is_healthy()
    with gate.closed():
        answer: Answer = submit(engine, [1], SHORT)
        gate.wait_for_step()
        time.sleep(0.3)
        assert not engine.is_healthy()
    answer.wait()
    assert engine.is_healthy()
