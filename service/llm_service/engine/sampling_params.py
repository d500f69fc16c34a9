import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from llm_service.engine.errors import InvalidParameterError


@dataclass(frozen=True)
class SamplingParams:
    """How the tokens of one request are chosen and when its answer ends.

    The order of application is that of transformers: repetition, frequency and presence
    penalties, logit bias, temperature, top_k, top_p over what top_k left, min_p.

    Attributes:
        max_tokens: The most tokens to generate, at least 1.
        temperature: Divides the logits, 0 to 2. 0 always takes the most likely token.
        top_k: Keeps the k most likely tokens; 0 keeps all.
        top_p: Keeps the smallest set of most likely tokens whose probability reaches it, above 0
            and at most 1.
        min_p: Drops tokens less likely than this share of the most likely one, 0 to 1.
        repetition_penalty: Divides the positive and multiplies the negative logits of tokens that
            the prompt or the answer has, above 0 and at most 2.
        presence_penalty: Subtracted from the logits of tokens that the answer has, -2 to 2.
        frequency_penalty: Subtracted once for each time that the answer has the token, -2 to 2.
        logit_bias: Added to the logits of token ids, each -100 to 100.
        seed: 0 to 2**64 - 1. The same seed draws the same random numbers for a request whatever
            else the engine runs; None draws a seed of its own for it.
        min_tokens: End-of-sequence tokens, stop tokens and stop strings do not end the answer
            before it has so many tokens.
        stop: The answer ends before the first of these strings that it comes to.
        stop_token_ids: Tokens that end the answer, beside the model's own end-of-sequence tokens.
        ignore_eos: The model's own end-of-sequence tokens do not end the answer.

    Raises:
        InvalidParameterError: A value is outside of what is allowed.
    """

    max_tokens: int
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict, hash=False)
    seed: int | None = None
    min_tokens: int = 0
    stop: tuple[str, ...] = ()
    stop_token_ids: frozenset[int] = frozenset()
    ignore_eos: bool = False

    def __post_init__(self) -> None:
        # A caller's dict could change while the worker thread reads it.
        object.__setattr__(self, "logit_bias", MappingProxyType(dict(self.logit_bias)))
        self._require_range("temperature", 0, 2)
        self._require_range("min_p", 0, 1)
        self._require_range("presence_penalty", -2, 2)
        self._require_range("frequency_penalty", -2, 2)
        self._require("top_p", 0 < self.top_p <= 1, "must be above 0 and at most 1")
        self._require(
            "repetition_penalty",
            0 < self.repetition_penalty <= 2,
            "must be above 0 and at most 2",
        )
        self._require("top_k", self.top_k >= 0, "must be 0 (all tokens) or more")
        self._require("max_tokens", self.max_tokens >= 1, "must be at least 1")
        self._require(
            "min_tokens",
            0 <= self.min_tokens <= self.max_tokens,
            f"must be 0 to max_tokens, which is {self.max_tokens}",
        )
        self._require(
            "seed", self.seed is None or 0 <= self.seed < 2**64, "must be 0 to 2**64 - 1, or unset"
        )
        self._require("stop", all(self.stop), "must not hold an empty string")
        self._require(
            "logit_bias",
            all(-100 <= bias <= 100 for bias in self.logit_bias.values()),
            "every bias must be -100 to 100",
        )

    @property
    def is_greedy(self) -> bool:
        """Whether the most likely token is always taken."""
        return self.temperature == 0

    @property
    def keeps_all_tokens(self) -> bool:
        """Whether any token can be drawn: neither greedy nor top_k, top_p or min_p."""
        return self.temperature > 0 and self.top_k == 0 and self.top_p == 1 and self.min_p == 0

    def _require_range(self, name: str, lowest: float, highest: float) -> None:
        value = getattr(self, name)
        self._require(
            name,
            math.isfinite(value) and lowest <= value <= highest,
            f"must be {lowest} to {highest}",
        )

    def _require(self, name: str, holds: bool, remedy: str) -> None:
        if not holds:
            raise InvalidParameterError(name, getattr(self, name), remedy)
