from collections import Counter
from collections.abc import Sequence as SequenceOf
from functools import cached_property

from llm_service.engine.sampling_params import SamplingParams


class SamplingState:
    """What the sampler has to know about one answer so far.

    Attributes:
        params: How its tokens are chosen.
        seed: Seed of its random numbers.
        end_token_ids: Tokens that end the answer.
        output_counts: How often the answer has each token.
        num_output_tokens: Number of tokens of the answer; the position of the next one.
    """

    def __init__(
        self,
        params: SamplingParams,
        seed: int,
        prompt_token_ids: SequenceOf[int],
        end_token_ids: frozenset[int],
    ) -> None:
        self.params = params
        self.seed = seed
        self.end_token_ids = end_token_ids
        self.output_counts: Counter[int] = Counter()
        self.num_output_tokens = 0
        self._prompt_token_ids = prompt_token_ids

    @cached_property
    def prompt_tokens(self) -> frozenset[int]:
        """The tokens that the prompt has."""
        return frozenset(self._prompt_token_ids)

    @property
    def may_end(self) -> bool:
        """Whether the next token may end the answer."""
        return self.num_output_tokens >= self.params.min_tokens

    def add(self, token_id: int) -> None:
        """Takes a sampled token into account."""
        self.output_counts[token_id] += 1
        self.num_output_tokens += 1
