"""Sampling through the whole engine: seeds, penalties, biases and the ends of answers."""

import pytest

from llm_service.engine.finish_reason import FinishReason
from llm_service.engine.sampling_params import SamplingParams
from tests.service.engine.answers import submit
from tests.service.engine.conftest import StartEngine
from tests.service.engine.small_models import make_small_model

PROMPT = tuple(range(20, 45))


def sampled(seed: int | None, **options: object) -> SamplingParams:
    return SamplingParams(**{"max_tokens": 20, "seed": seed, "ignore_eos": True, **options})


@pytest.mark.parametrize("name", ["llama", "gemma3", "deepseek_v3"])
def test_a_seed_gives_the_same_answer_whatever_else_runs(
    name: str, start_engine: StartEngine
) -> None:
    settings = [
        sampled(1),
        sampled(2, top_k=20),
        sampled(3, top_p=0.8, temperature=0.7),
        sampled(4, min_p=0.05, presence_penalty=0.5, repetition_penalty=1.2),
    ]
    engine = start_engine(make_small_model(name))
    alone = [submit(engine, PROMPT, one).wait().tokens for one in settings]
    # On an engine with an empty cache, beside others that come and go.
    engine = start_engine(make_small_model(name))
    others = [submit(engine, range(n), sampled(None, max_tokens=n)) for n in (5, 30, 12)]
    together = [submit(engine, PROMPT, one) for one in settings]
    assert [answer.wait().tokens for answer in together] == alone
    assert all(len(set(tokens)) > 4 for tokens in alone)
    for other in others:
        other.wait()


def test_different_seeds_and_no_seed_give_different_answers(start_engine: StartEngine) -> None:
    engine = start_engine(make_small_model("llama"))
    answers = [submit(engine, PROMPT, sampled(seed)) for seed in (1, 2, None, None)]
    assert len({tuple(answer.wait().tokens) for answer in answers}) == 4


def test_a_preempted_request_draws_the_same_numbers(start_engine: StartEngine) -> None:
    # 112 tokens of two layers of two heads of 16 keys and values of four bytes; 3 x 45 wanted.
    cache = 112 * 2 * 2 * 16 * 2 * 4
    engine = start_engine(make_small_model("llama"), cache_memory_bytes=cache)
    alone = [submit(engine, PROMPT, sampled(seed)).wait().tokens for seed in range(3)]
    engine = start_engine(make_small_model("llama"), cache_memory_bytes=cache)
    prompts = [(1, *PROMPT[1:]), (2, *PROMPT[1:]), PROMPT]
    together = [
        submit(engine, prompt, sampled(seed))
        for seed, prompt in zip((7, 8, 2), prompts, strict=True)
    ]
    assert together[2].wait().tokens == alone[2]
    assert engine.stats().preemptions > 0


def test_an_end_of_sequence_token_ends_the_answer_and_is_not_in_the_text(
    start_engine: StartEngine,
) -> None:
    engine = start_engine(make_small_model("llama"))
    greedy = SamplingParams(max_tokens=20, temperature=0, ignore_eos=True)
    tokens = submit(engine, PROMPT, greedy).wait().tokens
    end = tokens[7]
    first = tokens.index(end)
    model = make_small_model("llama")
    model.generation_config.eos_token_id = [end, 319]
    engine = start_engine(model)
    answer = submit(engine, PROMPT, SamplingParams(max_tokens=20, temperature=0)).wait()
    assert answer.tokens == tokens[: first + 1]
    assert answer.finish_reason is FinishReason.STOP
    assert answer.last.text == ""
    assert answer.last.completion_tokens == first + 1
    # Ignored, it is a token like any other.
    answer = submit(engine, PROMPT, greedy).wait()
    assert answer.tokens == tokens
    assert answer.finish_reason is FinishReason.LENGTH


def test_a_stop_token_ends_the_answer_but_not_before_min_tokens(start_engine: StartEngine) -> None:
    engine = start_engine(make_small_model("llama"))
    greedy = {"max_tokens": 20, "temperature": 0, "ignore_eos": True}
    tokens = submit(engine, PROMPT, SamplingParams(**greedy)).wait().tokens
    stop = frozenset({tokens[4]})
    answer = submit(engine, PROMPT, SamplingParams(**greedy, stop_token_ids=stop)).wait()
    assert answer.tokens == tokens[: tokens.index(tokens[4]) + 1]
    assert answer.finish_reason is FinishReason.STOP
    answer = submit(
        engine, PROMPT, SamplingParams(**greedy, stop_token_ids=stop, min_tokens=10)
    ).wait()
    assert tokens[4] not in answer.tokens[:10]
    assert answer.last.completion_tokens >= 10


def test_biases_and_penalties_reach_the_sampler(start_engine: StartEngine) -> None:
    engine = start_engine(make_small_model("llama"))
    greedy = {"max_tokens": 12, "temperature": 0, "ignore_eos": True}
    forced = submit(engine, PROMPT, SamplingParams(**greedy, logit_bias={65: 100.0})).wait()
    assert forced.tokens == [65] * 12
    varied = submit(
        engine,
        PROMPT,
        SamplingParams(**greedy, logit_bias={65: 100.0, 66: 99.9}, frequency_penalty=1.0),
    ).wait()
    assert set(varied.tokens) == {65, 66}
