"""The engine answers token for token as transformers' own generate does, however it is batched."""

import copy
import functools

import pytest
import torch
import transformers
from transformers import PreTrainedModel

from llm_service.engine.forward import forward
from llm_service.engine.sampling_params import SamplingParams
from tests.service.engine.answers import submit
from tests.service.engine.conftest import StartEngine
from tests.service.engine.small_models import CONFIGS, PAGED, make_small_model

# Shorter and longer than a chunk (16), a block (8) and the sliding window (12).
PROMPT_LENGTHS = (5, 50, 1, 33, 16, 17, 8, 40)
MAX_TOKENS = 24


def make_prompts() -> list[list[int]]:
    generator = torch.Generator().manual_seed(3)
    return [torch.randint(320, (n,), generator=generator).tolist() for n in PROMPT_LENGTHS]


def generate(model: PreTrainedModel, prompt: list[int], max_tokens: int) -> list[int]:
    """Transformers' own greedy answer."""
    ids = torch.tensor([prompt])
    with torch.no_grad():
        tokens = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=max_tokens, do_sample=False
        )
    return tokens[0, len(prompt) :].tolist()


@functools.cache
def expected_answers(name: str) -> list[list[int]]:
    model = make_small_model(name)
    answers = [generate(model, prompt, MAX_TOKENS) for prompt in make_prompts()]
    assert all(len(set(answer)) > 4 for answer in answers), "answers too dull to tell an error"
    return answers


@pytest.fixture(params=CONFIGS)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    return make_small_model(request.param)


@pytest.fixture
def expected(request: pytest.FixtureRequest) -> list[list[int]]:
    return expected_answers(request.node.callspec.params["model"])


def greedy(max_tokens: int = MAX_TOKENS) -> SamplingParams:
    return SamplingParams(max_tokens=max_tokens, temperature=0, ignore_eos=True)


def test_alone(
    model: PreTrainedModel, expected: list[list[int]], start_engine: StartEngine
) -> None:
    engine = start_engine(model)
    for prompt, answer in zip(make_prompts(), expected, strict=True):
        assert submit(engine, prompt, greedy()).wait().tokens == answer


def test_in_a_batch_of_different_lengths(
    model: PreTrainedModel, expected: list[list[int]], start_engine: StartEngine
) -> None:
    engine = start_engine(model)
    answers = [submit(engine, prompt, greedy()) for prompt in make_prompts()]
    assert [answer.wait().tokens for answer in answers] == expected


def test_arriving_while_others_run(
    model: PreTrainedModel, expected: list[list[int]], start_engine: StartEngine
) -> None:
    engine = start_engine(model)
    answers = []
    for prompt in make_prompts():
        answers.append(submit(engine, prompt, greedy()))
        # The next one arrives in the middle of this one's answer.
        answers[-1].wait_for_tokens(5)
    assert [answer.wait().tokens for answer in answers] == expected


def bytes_per_token(model: PreTrainedModel) -> int:
    cache = transformers.DynamicCache(config=model.config)
    zero = torch.zeros((1, 1), dtype=torch.int64)
    forward(model, zero, zero, cache)
    return sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)


@pytest.fixture(params=PAGED)
def paged_model(request: pytest.FixtureRequest) -> PreTrainedModel:
    return make_small_model(request.param)


def test_preempted_and_resumed(paged_model: PreTrainedModel, start_engine: StartEngine) -> None:
    own = copy.deepcopy(paged_model)
    prompts = [prompt for prompt in make_prompts() if len(prompt) > 16]
    # 128 tokens, while the four prompts with their answers want 248.
    engine = start_engine(paged_model, cache_memory_bytes=128 * bytes_per_token(own))
    answers = [submit(engine, prompt, greedy()) for prompt in prompts]
    assert [answer.wait().tokens for answer in answers] == [
        generate(own, prompt, MAX_TOKENS) for prompt in prompts
    ]
    assert engine.stats().preemptions > 0


def test_with_a_prefix_from_the_cache(
    paged_model: PreTrainedModel, start_engine: StartEngine
) -> None:
    own = copy.deepcopy(paged_model)
    engine = start_engine(paged_model)
    first = make_prompts()[1]
    second = [*first[:43], 7, 8, 9, 10]
    assert submit(engine, first, greedy()).wait().last.cached_tokens == 0
    answer = submit(engine, second, greedy()).wait()
    # Whole blocks of 8 only.
    assert answer.last.cached_tokens == 40
    assert answer.tokens == generate(own, second, MAX_TOKENS)
    # The last block of a prompt is computed even if it is known: its logits are needed.
    again = submit(engine, second[:40], greedy()).wait()
    assert again.last.cached_tokens == 32
    assert again.tokens == generate(own, second[:40], MAX_TOKENS)


def test_a_conversation_shares_its_own_answers(start_engine: StartEngine) -> None:
    model = make_small_model("qwen2")
    own = copy.deepcopy(model)
    engine = start_engine(model)
    prompt = make_prompts()[4]
    answer = submit(engine, prompt, greedy()).wait()
    conversation = prompt + answer.tokens + [1, 2, 3]
    second = submit(engine, conversation, greedy()).wait()
    # 16 of the prompt and 23 computed ones of the answer fill four blocks.
    assert second.last.cached_tokens == 32
    assert second.tokens == generate(own, conversation, MAX_TOKENS)
