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
        error: What went wrong, for the log, with FinishReason.ERROR.
        prompt_tokens: Number of tokens of the prompt.
        completion_tokens: Number of tokens generated so far.
        reasoning_tokens: Those of completion_tokens that were reasoning.
        cached_tokens: Number of prompt tokens that were found in the cache.
    """

    reasoning: str
    content: str
    finish_reason: FinishReason | None
    matched_stop: str | None
    error: str | None
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int

    def followed_by(self, newer: AnswerPiece) -> AnswerPiece:
        """Returns this piece and the next one as a single piece."""
        return replace(
            newer,
            reasoning=self.reasoning + newer.reasoning,
            content=self.content + newer.content,
        )
