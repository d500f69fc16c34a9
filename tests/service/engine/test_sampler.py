import math
from dataclasses import replace

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llm_service.engine.random_numbers import uniform
from llm_service.engine.sampler import sample
from llm_service.engine.sampling_params import SamplingParams
from llm_service.engine.sampling_state import SamplingState

# The second one is long enough that few of its runs are looked at.
VOCABULARIES = (700, 20_000)
VOCABULARY = VOCABULARIES[0]
PROMPT = (1, 2, 3, 3)
END = frozenset({9})

PARAMS = st.builds(
    SamplingParams,
    max_tokens=st.just(50),
    min_tokens=st.sampled_from([0, 20]),
    temperature=st.sampled_from([0.0, 0.01, 0.7, 1.0, 2.0]),
    top_k=st.sampled_from([0, 1, 3, 40, 10_000]),
    top_p=st.sampled_from([1.0, 0.999, 0.9, 0.3, 1e-9]),
    min_p=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    repetition_penalty=st.sampled_from([1.0, 1.3, 0.8]),
    presence_penalty=st.sampled_from([0.0, 0.5, -1.0]),
    frequency_penalty=st.sampled_from([0.0, 0.4]),
    logit_bias=st.sampled_from([{}, {5: 2.5, 1: -100.0}]),
)
OUTPUTS = st.lists(st.integers(0, 30), max_size=12)


def make_state(params: SamplingParams, outputs: list[int], seed: int) -> SamplingState:
    state = SamplingState(params, seed, PROMPT, END)
    for token in outputs:
        state.add(token)
    return state


def make_logits(seed: int, rows: int = 1, size: int = VOCABULARY) -> torch.Tensor:
    return torch.randn(rows, size, generator=torch.Generator().manual_seed(seed)) * 3


def plain_probabilities(
    logits: list[float], params: SamplingParams, outputs: list[int]
) -> dict[int, float]:
    """The distribution as the parameters' documentation says, in plain Python."""
    scores = list(logits)
    for token in {*PROMPT, *outputs}:
        factor = params.repetition_penalty
        scores[token] = scores[token] / factor if scores[token] > 0 else scores[token] * factor
    for token in set(outputs):
        scores[token] -= params.presence_penalty + params.frequency_penalty * outputs.count(token)
    for token, bias in params.logit_bias.items():
        scores[token] += bias
    if len(outputs) < params.min_tokens:
        for token in END:
            scores[token] = -math.inf
    best = max(scores)
    if params.temperature == 0:
        return {scores.index(best): 1.0}
    weights = {
        token: math.exp((score - best) / params.temperature) for token, score in enumerate(scores)
    }
    ranked = sorted(weights, key=weights.__getitem__, reverse=True)
    if params.top_k:
        ranked = ranked[: params.top_k]
    total = sum(weights[token] for token in ranked)
    kept, mass = [], 0.0
    for token in ranked:
        if params.top_p < 1 and mass >= params.top_p * total:
            break
        kept.append(token)
        mass += weights[token]
    kept = [token for token in kept if weights[token] >= params.min_p]
    total = sum(weights[token] for token in kept)
    return {token: weights[token] / total for token in kept if weights[token] > 0}


@settings(max_examples=300)
@given(
    params=PARAMS,
    outputs=OUTPUTS,
    seed=st.integers(0, 2**64 - 1),
    row=st.integers(0, 10**6),
    size=st.sampled_from(VOCABULARIES),
)
@example(SamplingParams(max_tokens=5, top_k=10_000, top_p=0.9), [], 0, 0, VOCABULARY)
@example(SamplingParams(max_tokens=5, min_p=1e-30), [], 0, 0, 20_000)
def test_the_token_is_the_one_that_the_documented_distribution_gives(
    params: SamplingParams, outputs: list[int], seed: int, row: int, size: int
) -> None:
    logits = make_logits(row, size=size)
    [token] = sample(logits, [make_state(params, outputs, seed)])
    probabilities = plain_probabilities(logits[0].tolist(), params, outputs)
    assert token in probabilities
    # The inverse of the cumulative distribution, in the vocabulary's order.
    before = sum(share for other, share in probabilities.items() if other < token)
    number = uniform(seed, len(outputs)) if params.temperature > 0 else 0.0
    assert before - 1e-4 <= number <= before + probabilities[token] + 1e-4


@settings(max_examples=200)
@given(
    st.lists(st.tuples(PARAMS, OUTPUTS, st.integers(0, 2**64 - 1)), min_size=2, max_size=6),
    st.integers(0, 10**6),
    st.sampled_from(VOCABULARIES),
)
def test_a_row_does_not_depend_on_the_others(
    rows: list[tuple[SamplingParams, list[int], int]], seed: int, size: int
) -> None:
    logits = make_logits(seed, len(rows), size).bfloat16()  # with many equal values
    states = [make_state(*row) for row in rows]
    together = sample(logits, states)
    alone = [sample(logits[row : row + 1], [state])[0] for row, state in enumerate(states)]
    assert together == alone


def test_rows_that_are_not_numbers_fail_alone() -> None:
    logits = make_logits(0, 5)
    states = [make_state(SamplingParams(max_tokens=5), [], row) for row in range(5)]
    expected = sample(logits, states)
    logits[1, 4] = torch.nan
    logits[2] = -torch.inf
    logits[3, 7] = torch.inf
    assert sample(logits, states) == [expected[0], None, None, None, expected[4]]


def test_the_logits_are_left_as_they_are() -> None:
    logits = make_logits(0)
    before = logits.clone()
    params = SamplingParams(max_tokens=5, repetition_penalty=1.5, logit_bias={3: 5.0}, top_k=3)
    sample(logits, [make_state(params, [4, 4], 1)])
    assert torch.equal(logits, before)


@pytest.mark.parametrize("top_p", [0.5, 0.9999])
def test_top_p_over_a_flat_distribution(top_p: float) -> None:
    # The tokens that reach top_p are far more than those that are looked at first.
    logits = torch.linspace(0, 0.01, 5000).flip(0).unsqueeze(0)
    params = SamplingParams(max_tokens=5, top_p=top_p)
    tokens = [sample(logits, [make_state(params, [], seed)])[0] for seed in range(200)]
    assert max(tokens) < 5000 * top_p
    assert max(tokens) > 5000 * top_p * 0.9


@pytest.mark.parametrize("size", [100, 30_000])
@pytest.mark.parametrize("option", [{"top_k": 1}, {"top_p": 1e-6}, {"min_p": 1.0}])
def test_all_equal_tokens_can_be_drawn_however_many(size: int, option: dict[str, float]) -> None:
    logits = torch.zeros(1, size)
    params = SamplingParams(max_tokens=5, **option)
    tokens = [sample(logits, [make_state(params, [], seed)])[0] for seed in range(300)]
    assert min(tokens) < size * 0.05
    assert max(tokens) > size * 0.95


def test_the_first_of_equal_tokens_is_the_greedy_one() -> None:
    logits = torch.zeros(1, 5000)
    logits[0, [4000, 900, 901]] = 1.0
    params = SamplingParams(max_tokens=5, temperature=0)
    assert sample(logits, [make_state(params, [], 0)]) == [900]


def test_the_position_changes_the_number_that_is_drawn() -> None:
    params = SamplingParams(max_tokens=50)
    logits = torch.zeros(1, VOCABULARY)
    drawn = {sample(logits, [make_state(params, [0] * n, 5)])[0] for n in range(30)}
    assert len(drawn) > 20


def test_a_tiny_temperature_is_greedy() -> None:
    logits = make_logits(8)
    params = SamplingParams(max_tokens=5, temperature=1e-30)
    for one in (params, replace(params, top_k=5), replace(params, top_p=0.9)):
        assert sample(logits, [make_state(one, [], 3)]) == [int(logits.argmax())]
