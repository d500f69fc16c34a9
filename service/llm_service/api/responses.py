from __future__ import annotations

from collections.abc import Collection
from typing import Any

from llm.v1 import llm_pb2
from llm_service.api.answer_piece import AnswerPiece
from llm_service.api.generation_call import GenerationCall
from llm_service.engine.finish_reason import FinishReason

_FINISH_REASONS = {
    FinishReason.STOP: llm_pb2.FINISH_REASON_STOP,
    FinishReason.LENGTH: llm_pb2.FINISH_REASON_LENGTH,
}


def chat_response(
    request_id: str, answer: AnswerPiece, stop: Collection[str]
) -> llm_pb2.ChatResponse:
    """Writes the model's whole message.

    Args:
        request_id: The request's id.
        answer: All pieces of the answer as one.
        stop: The caller's own stop strings; another one, of the template, is not told.
    """
    response = llm_pb2.ChatResponse(
        request_id=request_id,
        message=llm_pb2.Message(
            role=llm_pb2.ROLE_ASSISTANT, content=answer.content, reasoning=answer.reasoning
        ),
    )
    _write_end(response, answer, stop)
    return response


def chat_stream_response(
    call: GenerationCall, piece: AnswerPiece, stop: Collection[str]
) -> llm_pb2.ChatStreamResponse:
    """Writes a piece of the model's message.

    Args:
        call: The call that it answers.
        piece: The piece.
        stop: The caller's own stop strings; another one, of the template, is not told.
    """
    response = llm_pb2.ChatStreamResponse(
        request_id=call.request_id, reasoning_delta=piece.reasoning, content_delta=piece.content
    )
    _write_position(response, piece, call)
    _write_end(response, piece, stop)
    return response


def generate_response(
    request_id: str, answer: AnswerPiece, stop: Collection[str]
) -> llm_pb2.GenerateResponse:
    """Writes the whole continuation; the arguments are those of `chat_response`."""
    response = llm_pb2.GenerateResponse(request_id=request_id, text=answer.content)
    _write_end(response, answer, stop)
    return response


def generate_stream_response(
    call: GenerationCall, piece: AnswerPiece, stop: Collection[str]
) -> llm_pb2.GenerateStreamResponse:
    """Writes a piece of the continuation; the arguments are those of `chat_stream_response`."""
    response = llm_pb2.GenerateStreamResponse(request_id=call.request_id, text_delta=piece.content)
    _write_position(response, piece, call)
    _write_end(response, piece, stop)
    return response


def _write_position(response: Any, piece: AnswerPiece, call: GenerationCall) -> None:
    """Writes what another instance has to know to go on after this piece."""
    response.offset = piece.offset
    response.token_ids.extend(piece.token_ids)
    if piece.offset == call.first_offset:
        response.seed = call.generation.sampling.seed
        response.system_fingerprint = call.system_fingerprint


def _write_end(response: Any, piece: AnswerPiece, stop: Collection[str]) -> None:
    """Writes why the answer ended and what it took, if the piece is its last."""
    if piece.finish_reason:
        response.finish_reason = _FINISH_REASONS[piece.finish_reason]
        response.usage.prompt_tokens = piece.prompt_tokens
        response.usage.completion_tokens = piece.completion_tokens
        response.usage.reasoning_tokens = piece.reasoning_tokens
        response.usage.cached_tokens = piece.cached_tokens
        if piece.matched_stop in stop:
            response.matched_stop = piece.matched_stop
