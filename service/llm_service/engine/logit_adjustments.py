from collections.abc import Iterable
from collections.abc import Sequence as SequenceOf

import torch

from llm_service.engine.sampling_state import SamplingState


def adjust_logits(logits: torch.Tensor, states: SequenceOf[SamplingState]) -> torch.Tensor:
    """Applies penalties, logit biases and min_tokens.

    Args:
        logits: Float32, [n, vocabulary]; not changed.
        states: What is known of the rows' answers, n.

    Returns:
        The adjusted logits, or the same tensor where nothing is to be adjusted.
    """
    repeated = [
        (row, token, state.params.repetition_penalty)
        for row, state in enumerate(states)
        if state.params.repetition_penalty != 1
        for token in state.prompt_tokens | state.output_counts.keys()
    ]
    added = [
        (row, token, number) for row, state in enumerate(states) for token, number in _added(state)
    ]
    banned = [
        (row, token, 0.0)
        for row, state in enumerate(states)
        if not state.may_end
        for token in state.end_token_ids
    ]
    if not (repeated or added or banned):
        return logits
    adjusted = logits.clone()
    if repeated:
        rows, tokens, penalties = _tensors(repeated, logits.device)
        values = adjusted[rows, tokens]
        adjusted[rows, tokens] = torch.where(values > 0, values / penalties, values * penalties)
    if added:
        rows, tokens, numbers = _tensors(added, logits.device)
        adjusted.index_put_((rows, tokens), numbers, accumulate=True)
    if banned:
        rows, tokens, _ = _tensors(banned, logits.device)
        adjusted[rows, tokens] = -torch.inf
    return adjusted


def _added(state: SamplingState) -> Iterable[tuple[int, float]]:
    params = state.params
    if params.presence_penalty or params.frequency_penalty:
        for token, count in state.output_counts.items():
            yield token, -params.presence_penalty - params.frequency_penalty * count
    yield from params.logit_bias.items()


def _tensors(
    entries: SequenceOf[tuple[int, int, float]], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rows, tokens, numbers = zip(*entries, strict=True)
    return (
        torch.tensor(rows, device=device),
        torch.tensor(tokens, device=device),
        torch.tensor(numbers, dtype=torch.float32, device=device),
    )
