from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
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
        system_fingerprint: Names the model that answers.
    """

    request_id: str
    log: RequestLog
    generation: GenerationRequest
    assembler: AnswerAssembler
    prompt_field: str
    system_fingerprint: str

    @property
    def first_offset(self) -> int:
        """Number of tokens that the caller has already."""
        return len(self.generation.completion_token_ids)

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
        async with self._submitted(engine) as mailbox:
            finished = False
            textless: AnswerPiece | None = None
            while not finished:
                piece = await mailbox.take()
                self.log.piece(piece)
                self._raise_if_failed(piece, engine)
                finished = piece.finish_reason is not None
                # Tokens without text wait for the next text: the caller has to know all of them.
                piece = textless.followed_by(piece) if textless else piece
                if piece.reasoning or piece.content or finished:
                    textless = None
                    await send(piece)
                else:
                    textless = piece

    @asynccontextmanager
    async def _submitted(self, engine: Engine) -> AsyncIterator[Mailbox]:
        loop = asyncio.get_running_loop()
        mailbox = Mailbox()

        def deliver(output: GenerationOutput) -> None:
            piece = self.assembler.feed(output)
            # What stands for the tokens that the caller brought is known to it.
            if output.is_final or output.completion_tokens > self.first_offset:
                mailbox.put(piece)

        def on_output(output: GenerationOutput) -> None:
            loop.call_soon_threadsafe(deliver, output)

        try:
            await self._submit(engine, on_output)
            yield mailbox
        finally:
            engine.cancel(self.generation.request_id)
            self.log.close()

    async def _submit(self, engine: Engine, on_output: Callable[[GenerationOutput], None]) -> None:
        try:
            if not self.first_offset:
                engine.submit(self.generation, on_output)
                return
            # In a thread: making the text of many tokens takes longer than a stream may stall.
            submitting = asyncio.ensure_future(
                asyncio.to_thread(engine.submit, self.generation, on_output)
            )
            try:
                await asyncio.shield(submitting)
            except asyncio.CancelledError:
                # Only what the engine has can be cancelled there.
                await asyncio.wait({submitting})
                raise
        except EngineError as error:
            raise to_api_error(error, prompt_field=self.prompt_field) from error

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
