from __future__ import annotations

import grpc

from llm_service.api.api_error import ApiError, FieldViolation
from llm_service.engine.errors import (
    DrainingError,
    EngineError,
    InvalidParameterError,
    PromptTooLongError,
    QueueFullError,
)


def to_api_error(error: EngineError, *, prompt_field: str) -> ApiError:
    """Tells the caller what the engine's refusal means to it.

    Args:
        error: The engine's error.
        prompt_field: The request's field that holds the prompt: `prompt` or `messages`.
    """
    if isinstance(error, InvalidParameterError):
        return ApiError.invalid(
            [FieldViolation(_field_name(error, prompt_field), f"{error.value!r} {error.remedy}")]
        )
    if isinstance(error, PromptTooLongError):
        return ApiError(
            grpc.StatusCode.INVALID_ARGUMENT,
            "CONTEXT_EXCEEDED",
            str(error),
            violations=[FieldViolation(_field_at_fault(error, prompt_field), str(error))],
            metadata={
                "prompt_tokens": error.prompt_tokens,
                "max_tokens": error.max_tokens,
                "context_length": error.context_length,
            },
        )
    if isinstance(error, QueueFullError):
        return ApiError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "QUEUE_FULL",
            str(error),
            metadata={"waiting": error.waiting},
            retry_after_seconds=error.retry_after_seconds,
        )
    if isinstance(error, DrainingError):
        return ApiError.draining()
    return ApiError(grpc.StatusCode.UNAVAILABLE, "ENGINE_STOPPED", str(error))


def _field_name(error: InvalidParameterError, prompt_field: str) -> str:
    if error.field.startswith("prompt"):
        return prompt_field
    if error.field == "completion_token_ids":
        return "resume.completion_token_ids"
    return f"sampling.{error.field}"


def _field_at_fault(error: PromptTooLongError, prompt_field: str) -> str:
    fits_alone = error.prompt_tokens < error.context_length
    return "sampling.max_tokens" if fits_alone else prompt_field
