from dataclasses import dataclass

from llm_service.engine.finish_reason import FinishReason


@dataclass(frozen=True)
class GenerationOutput:
    """What one engine step added to one request's answer.

    The texts of a request's outputs joined are the whole answer. A step whose text is still held
    back (part of a multi-byte character, or what may become a stop string) has an empty text.

    Attributes:
        request_id: The request's id.
        token_ids: The new tokens, the one that ended the answer included.
        text: The new text. Neither a stop string nor a token that ends the answer is in it.
        finish_reason: Set in the request's last output only.
        stop: The stop string that ended the answer, if one did.
        error: With FinishReason.ERROR, what went wrong, for the log; else None.
        prompt_tokens: Number of tokens of the prompt.
        completion_tokens: Number of tokens generated so far, these included.
        cached_tokens: Number of prompt tokens that were found in the cache.
    """

    request_id: str
    token_ids: tuple[int, ...]
    text: str
    finish_reason: FinishReason | None
    stop: str | None
    error: str | None
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int

    @property
    def is_final(self) -> bool:
        """Whether it is the request's last output."""
        return self.finish_reason is not None
