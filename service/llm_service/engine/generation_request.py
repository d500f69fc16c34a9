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
    """

    request_id: str
    prompt_token_ids: tuple[int, ...]
    sampling: SamplingParams
    deadline: float | None = None
