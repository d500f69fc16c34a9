from collections import defaultdict
from collections.abc import Sequence as SequenceOf

import torch

from llm_service.engine.candidate_sampling import GROWTH, draw_from_candidates, first_count
from llm_service.engine.inverse_cdf import draw
from llm_service.engine.logit_adjustments import adjust_logits
from llm_service.engine.random_numbers import uniform
from llm_service.engine.sampling_state import SamplingState
from llm_service.engine.vocabulary_runs import VocabularyRuns


def sample(logits: torch.Tensor, states: SequenceOf[SamplingState]) -> list[int | None]:
    """Chooses the next token of each row, each by its own parameters.

    A row's token depends on nothing but its logits and its state, whatever the other rows are:
    rows that are computed together go through the same arithmetic, and that is chosen by each
    row alone.

    Args:
        logits: Any floating type, [n, vocabulary]; not changed.
        states: What is known of the rows' answers, n.

    Returns:
        A token for each row; None where the logits are not numbers.
    """
    if not states:
        return []
    runs = VocabularyRuns(adjust_logits(logits.float(), states))
    greedy: list[int] = []
    free: list[int] = []
    restricted: dict[int, list[int]] = defaultdict(list)
    for row, is_valid in enumerate(runs.best.isfinite().tolist()):
        params = states[row].params
        if not is_valid:
            continue
        if params.is_greedy:
            greedy.append(row)
        elif params.keeps_all_tokens:
            free.append(row)
        else:
            restricted[first_count(params)].append(row)

    tokens: list[int | None] = [None] * len(states)
    if greedy:
        _fill(tokens, greedy, runs.rows(greedy).most_likely())
    if free:
        _fill(tokens, free, _draw_free(runs.rows(free), [states[row] for row in free]))
    while restricted:
        count, rows = restricted.popitem()
        drawn, is_complete = _draw_restricted(runs.rows(rows), [states[row] for row in rows], count)
        _fill(tokens, rows, drawn)
        incomplete = [row for row, done in zip(rows, is_complete.tolist(), strict=True) if not done]
        if incomplete:
            restricted[count * GROWTH] += incomplete
    return tokens


def _fill(tokens: list[int | None], rows: list[int], chosen: torch.Tensor) -> None:
    for row, token in zip(rows, chosen.tolist(), strict=True):
        tokens[row] = token


def _draw_free(runs: VocabularyRuns, states: SequenceOf[SamplingState]) -> torch.Tensor:
    scores = (runs.scores() - runs.best.unsqueeze(-1)).div_(_temperatures(states, runs))
    return draw(scores.exp_(), _uniforms(states, runs))


def _draw_restricted(
    runs: VocabularyRuns, states: SequenceOf[SamplingState], count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    params = [state.params for state in states]
    return draw_from_candidates(
        runs, params, _temperatures(states, runs), _uniforms(states, runs), count
    )


def _temperatures(states: SequenceOf[SamplingState], runs: VocabularyRuns) -> torch.Tensor:
    temperatures = [[state.params.temperature] for state in states]
    return torch.tensor(temperatures, dtype=torch.float32, device=runs.best.device)


def _uniforms(states: SequenceOf[SamplingState], runs: VocabularyRuns) -> torch.Tensor:
    numbers = [uniform(state.seed, state.num_output_tokens) for state in states]
    return torch.tensor(numbers, dtype=torch.float64, device=runs.best.device)
