from __future__ import annotations

import asyncio

from llm_service.api.answer_piece import AnswerPiece


class Mailbox:
    """Holds what a caller has not taken yet, as a single piece.

    A client that reads slowly, or not at all, costs no more memory than its answer is long, and
    never holds a step of the model up: pieces that wait are joined.
    """

    def __init__(self) -> None:
        self._piece: AnswerPiece | None = None
        self._filled = asyncio.Event()

    def put(self, piece: AnswerPiece) -> None:
        """Adds the next piece. Call it on the event loop's thread."""
        self._piece = self._piece.followed_by(piece) if self._piece else piece
        self._filled.set()

    async def take(self) -> AnswerPiece:
        """Waits for what is new and takes all of it."""
        await self._filled.wait()
        piece = self._piece
        assert piece
        self._piece = None
        self._filled.clear()
        return piece
