import math
from collections.abc import Callable

from llm_service.engine.errors import InvalidParameterError
from llm_service.engine.finish_reason import FinishReason
from llm_service.engine.generation_output import GenerationOutput
from llm_service.engine.generation_request import GenerationRequest
from llm_service.engine.output_text import OutputText
from llm_service.engine.sampling_state import SamplingState
from llm_service.engine.sequence import Sequence


class Generation:
    """A request on its way through the engine, from its acceptance to its last output.

    Attributes:
        request: The request.
        sequence: Its tokens and their place in the cache.
        sampling: What the sampler has to know.
        replayed: Outputs of the tokens that the request brought.
    """

    def __init__(
        self,
        request: GenerationRequest,
        on_output: Callable[[GenerationOutput], None],
        sampling: SamplingState,
        text: OutputText,
    ) -> None:
        """Starts before the first token.

        Args:
            request: The request.
            on_output: Receives its outputs.
            sampling: What the sampler has to know.
            text: Turns its tokens into text.
        """
        self.request = request
        self.sequence = Sequence(request.request_id, request.prompt_token_ids)
        self.sampling = sampling
        self.replayed: list[GenerationOutput] = []
        self._on_output = on_output
        self._text = text

    @property
    def request_id(self) -> str:
        """The request's id."""
        return self.request.request_id

    def seconds_left(self, now: float) -> float:
        """Time until its deadline; infinite without one.

        Args:
            now: The time, in seconds of `time.monotonic()`.
        """
        return math.inf if self.request.deadline is None else self.request.deadline - now

    def replay(self) -> None:
        """Takes the tokens that the request brings as if they had been sampled here.

        Raises:
            InvalidParameterError: They are a whole answer already.
        """
        brought = self.request.completion_token_ids
        for count, token_id in enumerate(brought, start=1):
            output = self.accept(token_id)
            if output.is_final:
                raise InvalidParameterError(
                    "completion_token_ids",
                    f"{len(brought)} tokens",
                    f"end the answer at token {count}: there is nothing to go on with",
                )
            self.replayed.append(output)

    def accept(self, token_id: int) -> GenerationOutput:
        """Adds a sampled token to the answer and decides whether it ends it.

        Args:
            token_id: The token.

        Returns:
            What it adds to the answer.
        """
        may_end = self.sampling.may_end
        self.sequence.token_ids.append(token_id)
        self.sampling.add(token_id)
        if may_end and token_id in self.sampling.end_token_ids:
            return self._output((token_id,), self._text.finish(), FinishReason.STOP)
        text = self._text.feed(token_id, may_stop=may_end)
        if self._text.matched_stop is not None:
            return self._output((token_id,), text, FinishReason.STOP)
        if self.sampling.num_output_tokens < self.request.sampling.max_tokens:
            return self._output((token_id,), text, None)
        text += self._text.finish()
        stopped = self._text.matched_stop is not None
        return self._output(
            (token_id,), text, FinishReason.STOP if stopped else FinishReason.LENGTH
        )

    def interrupt(self, reason: FinishReason) -> GenerationOutput:
        """Ends the answer where it is.

        Args:
            reason: Why.

        Returns:
            The last output, with the text that was still held back.
        """
        return self._output((), self._text.finish(), reason)

    def fail(self, error: str) -> GenerationOutput:
        """Ends the answer because something went wrong with it.

        Args:
            error: What went wrong.

        Returns:
            The last output. Text that was still held back is lost: making it may be what failed.
        """
        return self._output((), "", FinishReason.ERROR, error)

    def emit(self, output: GenerationOutput) -> None:
        """Hands an output to the caller; whatever the caller's function raises comes through."""
        self._on_output(output)

    def _output(
        self,
        token_ids: tuple[int, ...],
        text: str,
        reason: FinishReason | None,
        error: str | None = None,
    ) -> GenerationOutput:
        return GenerationOutput(
            request_id=self.request.request_id,
            token_ids=token_ids,
            text=text,
            finish_reason=reason,
            stop=self._text.matched_stop if reason is FinishReason.STOP else None,
            error=error,
            prompt_tokens=self.sequence.num_prompt_tokens,
            completion_tokens=self.sampling.num_output_tokens,
            # Of an answer that goes on, tokens of the answer may be cached too.
            cached_tokens=min(
                self.sequence.num_cached_tokens or 0, self.sequence.num_prompt_tokens
            ),
        )
