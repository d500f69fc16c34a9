from dataclasses import dataclass

from llm_service.engine.sampling_params import SamplingParams


@dataclass(frozen=True)
class GenerationRequest:
    """One prompt to continue.

    Attributes:
        request_id: Unique among the requests that the engine holds.
        prompt_token_ids: The prompt, at least one token, each inside the vocabulary. The engine
            adds nothing: a beginning-of-sequence token is the caller's.
        sampling: How tokens are chosen and when the answer ends.
        deadline: When the caller stops waiting, in seconds of `time.monotonic()`; None waits
            without limit.
        completion_token_ids: Tokens that the answer has already, from an interrupted run of the
            same request: the engine goes on after them. They count as generated in every limit,
            penalty and random number. The first outputs stand for them, one each, so that the
            caller can build anew what it makes of the outputs.
    """

    request_id: str
    prompt_token_ids: tuple[int, ...]
    sampling: SamplingParams
    deadline: float | None = None
    completion_token_ids: tuple[int, ...] = ()

    @property
    def num_tokens(self) -> int:
        """Number of tokens to read before the next one is sampled."""
        return len(self.prompt_token_ids) + len(self.completion_token_ids)
