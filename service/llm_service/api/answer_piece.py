from __future__ import annotations

from dataclasses import dataclass, replace

from llm_service.engine.finish_reason import FinishReason


@dataclass(frozen=True)
class AnswerPiece:
    """What one or more engine steps added to one answer, reasoning told apart.

    Attributes:
        reasoning: New text of the reasoning.
        content: New text of the answer.
        finish_reason: Set in the last piece only.
        matched_stop: The stop string that ended the answer, if one did.
        token_ids: The new tokens, those included whose text is still held back.
        error: What went wrong, for the log, with FinishReason.ERROR.
        prompt_tokens: Number of tokens of the prompt.
        completion_tokens: Number of tokens generated so far.
        reasoning_tokens: Those of completion_tokens that were reasoning.
        cached_tokens: Number of prompt tokens that were found in the cache.
    """

    reasoning: str
    content: str
    token_ids: tuple[int, ...]
    finish_reason: FinishReason | None
    matched_stop: str | None
    error: str | None
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int

    @property
    def offset(self) -> int:
        """Number of the answer's tokens before this piece."""
        return self.completion_tokens - len(self.token_ids)

    def followed_by(self, newer: AnswerPiece) -> AnswerPiece:
        """Returns this piece and the next one as a single piece."""
        return replace(
            newer,
            reasoning=self.reasoning + newer.reasoning,
            content=self.content + newer.content,
            token_ids=self.token_ids + newer.token_ids,
        )
