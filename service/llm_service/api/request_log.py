from __future__ import annotations

import logging
import time

from llm_service.api.answer_piece import AnswerPiece

log = logging.getLogger(__name__)


class RequestLog:
    """Logs one line for each request: counts and times, and texts only if that is switched on."""

    def __init__(self, method: str, request_id: str, *, with_texts: bool) -> None:
        """Starts the clock.

        Args:
            method: Name of the RPC.
            request_id: The request's id.
            with_texts: Whether prompt and answer may be logged (LOG_PROMPTS).
        """
        self._method = method
        self._request_id = request_id
        self._with_texts = with_texts
        self._start = time.monotonic()
        self._first: float | None = None
        self._last: AnswerPiece | None = None

    def prompt(self, text: object) -> None:
        """Logs the prompt, if that is switched on."""
        if self._with_texts:
            log.info("%s %s prompt: %s", self._method, self._request_id, text)

    def piece(self, piece: AnswerPiece) -> None:
        """Notes a piece of the answer."""
        if self._first is None:
            self._first = time.monotonic()
        self._last = piece
        if self._with_texts and (piece.reasoning or piece.content):
            log.info(
                "%s %s answer: %s%s",
                self._method,
                self._request_id,
                piece.reasoning,
                piece.content,
            )

    def close(self) -> None:
        """Logs how the request went."""
        now = time.monotonic()
        if self._last is None:
            log.info("%s %s ended before its first token", self._method, self._request_id)
            return
        reason = self._last.finish_reason
        outcome = reason.value if reason else "abandoned"
        first, total = (self._first or now) - self._start, now - self._start
        log.info(
            "%s %s %s: %d prompt tokens (%d cached), %d completion tokens, first after %.3f s, "
            "all after %.3f s",
            self._method,
            self._request_id,
            outcome,
            self._last.prompt_tokens,
            self._last.cached_tokens,
            self._last.completion_tokens,
            first,
            total,
            # Fields of their own in a JSON log, so that it can be searched and summed up.
            extra={
                "method": self._method,
                "request_id": self._request_id,
                "outcome": outcome,
                "prompt_tokens": self._last.prompt_tokens,
                "cached_tokens": self._last.cached_tokens,
                "completion_tokens": self._last.completion_tokens,
                "reasoning_tokens": self._last.reasoning_tokens,
                "first_token_seconds": round(first, 4),
                "total_seconds": round(total, 4),
            },
        )
