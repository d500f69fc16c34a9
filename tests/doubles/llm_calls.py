from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc.aio

from llm.v1 import llm_pb2

_ROLES = {
    "system": llm_pb2.ROLE_SYSTEM,
    "user": llm_pb2.ROLE_USER,
    "assistant": llm_pb2.ROLE_ASSISTANT,
}


def sampling(**fields: Any) -> llm_pb2.SamplingParams:
    """Greedy sampling, unless the fields say otherwise."""
    return llm_pb2.SamplingParams(**{"temperature": 0, **fields})


def conversation(*turns: str | tuple[str, str]) -> list[llm_pb2.Message]:
    """Messages of (role, content) pairs; a plain text is the user's."""
    pairs = [turn if isinstance(turn, tuple) else ("user", turn) for turn in turns]
    return [llm_pb2.Message(role=_ROLES[role], content=content) for role, content in pairs]


async def collect(call: Any) -> list[Any]:
    """All messages of a stream, or all that are left of one."""
    responses = []
    while (response := await call.read()) is not grpc.aio.EOF:
        responses.append(response)
    return responses


def check_positions(pieces: Sequence[Any], first_offset: int = 0) -> None:
    """Checks that the pieces bring every token once, and what it takes to go on elsewhere."""
    offset = first_offset
    for piece in pieces:
        assert piece.offset == offset
        assert piece.HasField("seed") == bool(piece.system_fingerprint) == (piece is pieces[0])
        offset += len(piece.token_ids)
    assert pieces[-1].usage.completion_tokens == offset


def joined(pieces: Sequence[llm_pb2.ChatStreamResponse]) -> llm_pb2.ChatResponse:
    """The unary response that a chat stream stands for; checks the shape of the stream."""
    assert all(not piece.finish_reason for piece in pieces[:-1])
    assert len({piece.request_id for piece in pieces}) == 1
    check_positions(pieces)
    last = pieces[-1]
    assert last.finish_reason
    return llm_pb2.ChatResponse(
        request_id=last.request_id,
        message=llm_pb2.Message(
            role=llm_pb2.ROLE_ASSISTANT,
            content="".join(piece.content_delta for piece in pieces),
            reasoning="".join(piece.reasoning_delta for piece in pieces),
        ),
        finish_reason=last.finish_reason,
        usage=last.usage,
        matched_stop=last.matched_stop,
    )


def joined_text(pieces: Sequence[llm_pb2.GenerateStreamResponse]) -> llm_pb2.GenerateResponse:
    """The unary response that a generate stream stands for; checks the shape of the stream."""
    assert all(not piece.finish_reason for piece in pieces[:-1])
    assert len({piece.request_id for piece in pieces}) == 1
    check_positions(pieces)
    last = pieces[-1]
    assert last.finish_reason
    return llm_pb2.GenerateResponse(
        request_id=last.request_id,
        text="".join(piece.text_delta for piece in pieces),
        finish_reason=last.finish_reason,
        usage=last.usage,
        matched_stop=last.matched_stop,
    )
