from __future__ import annotations

from llm_service.api.answer_piece import AnswerPiece
from llm_service.chat.reasoning_splitter import AnswerDelta, ReasoningSplitter
from llm_service.engine.generation_output import GenerationOutput


class AnswerAssembler:
    """Turns the engine's outputs for one request into pieces of its answer.

    Unary and streaming calls both go through it, output by output, so they cannot differ.
    """

    def __init__(self, splitter: ReasoningSplitter | None) -> None:
        """Starts a new answer.

        Args:
            splitter: Tells reasoning from answer; None leaves the text as it is.
        """
        self._splitter = splitter
        self._reasoning_tokens = 0

    def feed(self, output: GenerationOutput) -> AnswerPiece:
        """Returns what an output adds; both texts are empty while they are held back."""
        delta = self._split(output) if self._splitter else AnswerDelta(content=output.text)
        return AnswerPiece(
            reasoning=delta.reasoning,
            content=delta.content,
            token_ids=output.token_ids,
            finish_reason=output.finish_reason,
            matched_stop=output.stop,
            error=output.error,
            prompt_tokens=output.prompt_tokens,
            completion_tokens=output.completion_tokens,
            reasoning_tokens=self._reasoning_tokens,
            cached_tokens=output.cached_tokens,
        )

    def _split(self, output: GenerationOutput) -> AnswerDelta:
        assert self._splitter
        was_in_reasoning = self._splitter.in_reasoning
        delta = self._splitter.feed(output.text)
        if was_in_reasoning or self._splitter.in_reasoning:
            self._reasoning_tokens += len(output.token_ids)
        if output.is_final:
            rest = self._splitter.finish()
            delta = AnswerDelta(delta.reasoning + rest.reasoning, delta.content + rest.content)
        return delta
