from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from llm_service.api.answer_assembler import AnswerAssembler
from llm_service.api.answer_piece import AnswerPiece
from llm_service.api.api_error import ApiError
from llm_service.api.engine_errors import to_api_error
from llm_service.api.mailbox import Mailbox
from llm_service.api.request_log import RequestLog
from llm_service.engine.errors import EngineError, EngineStoppedError
from llm_service.engine.finish_reason import FinishReason
from llm_service.engine.generation_output import GenerationOutput
from llm_service.engine.generation_request import GenerationRequest

if TYPE_CHECKING:  # its import loads torch, which takes seconds that the port must not wait for
    from llm_service.engine.engine import Engine

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GenerationCall:
    """One call's way through the engine: submitted, answered piece by piece, and forgotten.

    Attributes:
        request_id: The request's id as the caller knows it.
        log: Logs how it went.
        generation: What the engine is asked.
        assembler: Turns the engine's outputs into pieces of the answer.
        prompt_field: The request's field that holds the prompt, for errors.
    """

    request_id: str
    log: RequestLog
    generation: GenerationRequest
    assembler: AnswerAssembler
    prompt_field: str

    async def answer(self, engine: Engine) -> AnswerPiece:
        """Returns the whole answer as one piece.

        Raises:
            ApiError: The engine refused or failed.
        """
        pieces: list[AnswerPiece] = []

        async def keep(piece: AnswerPiece) -> None:
            pieces.append(piece)

        await self.stream(engine, keep)
        return reduce(AnswerPiece.followed_by, pieces)

    async def stream(self, engine: Engine, send: Callable[[AnswerPiece], Awaitable[None]]) -> None:
        """Sends the pieces that have something to tell; the last one has a finish reason.

        However this ends, the engine forgets the request: also when the caller goes away, which
        arrives here as a CancelledError.

        Raises:
            ApiError: The engine refused or failed.
        """
        with self._submitted(engine) as mailbox:
            finished = False
            while not finished:
                piece = await mailbox.take()
                self.log.piece(piece)
                self._raise_if_failed(piece, engine)
                finished = piece.finish_reason is not None
                if piece.reasoning or piece.content or finished:
                    await send(piece)

    @contextmanager
    def _submitted(self, engine: Engine) -> Iterator[Mailbox]:
        loop = asyncio.get_running_loop()
        mailbox = Mailbox()

        def deliver(output: GenerationOutput) -> None:
            mailbox.put(self.assembler.feed(output))

        def on_output(output: GenerationOutput) -> None:
            loop.call_soon_threadsafe(deliver, output)

        try:
            engine.submit(self.generation, on_output)
        except EngineError as error:
            raise to_api_error(error, prompt_field=self.prompt_field) from error
        try:
            yield mailbox
        finally:
            engine.cancel(self.generation.request_id)
            self.log.close()

    def _raise_if_failed(self, piece: AnswerPiece, engine: Engine) -> None:
        if piece.finish_reason is FinishReason.CANCELLED:
            # Our own cancel never gets here, for nobody waits then: the engine was stopped.
            raise ApiError.draining()
        if piece.finish_reason is FinishReason.DEADLINE:
            raise ApiError.deadline()
        if piece.finish_reason is FinishReason.ERROR:
            log.error("request %s failed: %s", self.request_id, piece.error)
            if engine.has_failed:  # not this request's doing: another instance can answer it
                raise to_api_error(EngineStoppedError("failed"), prompt_field=self.prompt_field)
            raise ApiError.internal()
