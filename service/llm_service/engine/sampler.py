from collections.abc import Sequence as SequenceOf

import torch
from torch.nn.functional import threshold

from llm_service.engine.inverse_cdf import draw
from llm_service.engine.logit_adjustments import adjust_logits
from llm_service.engine.random_numbers import uniform
from llm_service.engine.sampling_state import SamplingState
from llm_service.engine.sampling_thresholds import sampling_thresholds

# Just below 0: threshold() keeps what is above it.
_BELOW_ZERO = -torch.finfo(torch.float32).tiny


def sample(logits: torch.Tensor, states: SequenceOf[SamplingState]) -> list[int | None]:
    """Chooses the next token of each row, each by its own parameters.

    A row's token depends on nothing but its logits and its state, whatever the other rows are.

    Args:
        logits: Any floating type, [n, vocabulary]; not changed.
        states: What is known of the rows' answers, n.

    Returns:
        A token for each row; None where the logits are not numbers.
    """
    scores = adjust_logits(logits.float(), states)
    maxima = scores.amax(-1)
    valid = [row for row, is_valid in enumerate(maxima.isfinite().tolist()) if is_valid]
    greedy = [row for row in valid if states[row].params.is_greedy]
    free = [row for row in valid if states[row].params.keeps_all_tokens]
    # Apart from the free rows, so that no row's arithmetic depends on what another one asks for.
    restricted = [row for row in valid if row not in greedy and row not in free]

    tokens: list[int | None] = [None] * len(states)
    for rows, choose in (
        (greedy, _most_likely),
        (free, _draw_free),
        (restricted, _draw_restricted),
    ):
        if rows:
            chosen = choose(scores[rows], maxima[rows], [states[row] for row in rows])
            for row, token in zip(rows, chosen.tolist(), strict=True):
                tokens[row] = token
    return tokens


def _most_likely(
    scores: torch.Tensor,
    maxima: torch.Tensor,  # noqa: ARG001 - the same signature as its sisters
    states: SequenceOf[SamplingState],  # noqa: ARG001
) -> torch.Tensor:
    return scores.argmax(-1)


def _draw_free(
    scores: torch.Tensor, maxima: torch.Tensor, states: SequenceOf[SamplingState]
) -> torch.Tensor:
    return draw(_scale(scores, maxima, states).exp_(), _uniforms(states, scores.device))


def _draw_restricted(
    scores: torch.Tensor, maxima: torch.Tensor, states: SequenceOf[SamplingState]
) -> torch.Tensor:
    scores = _scale(scores, maxima, states)
    limits = sampling_thresholds(scores, [state.params for state in states]).unsqueeze(-1)
    # threshold() is one pass; masking a long row by a comparison takes ten times as long.
    kept = threshold(scores - limits, _BELOW_ZERO, -torch.inf)
    return draw((kept + limits).exp_(), _uniforms(states, scores.device))


def _scale(
    scores: torch.Tensor, maxima: torch.Tensor, states: SequenceOf[SamplingState]
) -> torch.Tensor:
    """Divides by the temperature after the largest became 0: nothing overflows then."""
    temperatures = torch.tensor([state.params.temperature for state in states])
    return (scores - maxima.unsqueeze(-1)).div_(temperatures.to(scores.device).unsqueeze(-1))


def _uniforms(states: SequenceOf[SamplingState], device: torch.device) -> torch.Tensor:
    numbers = [uniform(state.seed, state.num_output_tokens) for state in states]
    return torch.tensor(numbers, dtype=torch.float64, device=device)
