from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ChatDelta:
    """A piece of a streamed answer.

    Attributes:
        reasoning: More of the reasoning.
        content: More of the answer.
        finish_reason: `stop` or `length` in the last piece, else empty.
        prompt_tokens: Number of tokens of the prompt; set in the last piece only.
        completion_tokens: Number of tokens generated; set in the last piece only.
    """

    reasoning: str = ""
    content: str = ""
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
