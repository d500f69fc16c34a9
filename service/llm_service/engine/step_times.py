# Share of the newest step in an average.
_WEIGHT = 0.2
# A step with answers always reads so many prompt tokens, so that prompts get on however slow the
# machine is. Fewer would not shorten it: it reads all weights in any case.
_FEWEST_PROMPT_TOKENS = 16
# How much longer a step with prompts may take than one without.
_ALLOWED_SLOWDOWN = 2.0


class StepTimes:
    """Measures steps, and tells how many prompt tokens the next one can afford.

    A step takes a base (reading the weights, one token for each answer) and something for each
    prompt token beside it. Both are averages of what was measured lately.
    """

    def __init__(self) -> None:
        self._base_seconds: float | None = None
        self._prompt_token_seconds: float | None = None
        self._shortest_token_seconds = 0.0

    def record(self, num_answers: int, num_prompt_tokens: int, seconds: float) -> None:
        """Notes a step.

        Args:
            num_answers: Number of answers that got their next token.
            num_prompt_tokens: Number of prompt tokens that were read.
            seconds: How long it took, above 0.
        """
        if num_prompt_tokens == 0:
            self._base_seconds = _average(self._base_seconds, seconds)
            return
        per_token = seconds / num_prompt_tokens
        self._shortest_token_seconds = min(self._shortest_token_seconds or per_token, per_token)
        if num_answers and self._base_seconds is not None:
            per_token = max(seconds - self._base_seconds, 0) / num_prompt_tokens
        self._prompt_token_seconds = _average(self._prompt_token_seconds, per_token)

    def affordable_prompt_tokens(self, most: int) -> int:
        """How many prompt tokens a step may read that other answers wait for.

        So many that the step takes about twice as long as one without prompts.

        Args:
            most: The most that a step reads.
        """
        if self._base_seconds is None or not self._prompt_token_seconds:
            return most
        spare_seconds = (_ALLOWED_SLOWDOWN - 1) * self._base_seconds
        affordable = int(spare_seconds / self._prompt_token_seconds)
        return min(max(affordable, _FEWEST_PROMPT_TOKENS), most)

    def least_seconds(self, num_prompt_tokens: int) -> float:
        """The shortest time in which so many prompt tokens were ever read."""
        return num_prompt_tokens * self._shortest_token_seconds


def _average(average: float | None, newest: float) -> float:
    return newest if average is None else average + _WEIGHT * (newest - average)
