from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from llm.v1 import llm_pb2
from llm_service.api.api_error import ApiError, FieldViolation
from llm_service.chat.chat_message import ChatMessage, Role
from llm_service.engine.sampling_params import SamplingParams

_MAX_STOP_STRINGS = 16

_ROLES = {
    llm_pb2.ROLE_SYSTEM: Role.SYSTEM,
    llm_pb2.ROLE_USER: Role.USER,
    llm_pb2.ROLE_ASSISTANT: Role.ASSISTANT,
}

_OPTIONAL_FIELDS = (
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "min_tokens",
    "seed",
)


def read_messages(messages: Sequence[llm_pb2.Message]) -> list[ChatMessage]:
    """Reads a conversation.

    Raises:
        ApiError: It is empty, has an unknown role or a system message that is not the first, ends
            with another than the user, or the user or system says nothing.
    """
    violations = []
    if not messages:
        violations.append(FieldViolation("messages", "must have at least one message"))
    for index, message in enumerate(messages):
        violations += _message_violations(index, message)
    if messages and messages[-1].role != llm_pb2.ROLE_USER:
        last = f"messages[{len(messages) - 1}].role"
        if all(v.field != last for v in violations):
            violations.append(
                FieldViolation(
                    last, f"{_role_name(messages[-1])} must be ROLE_USER in the last one"
                )
            )
    if violations:
        raise ApiError.invalid(violations)
    return [ChatMessage(_ROLES[message.role], message.content) for message in messages]


def _message_violations(index: int, message: llm_pb2.Message) -> list[FieldViolation]:
    field = f"messages[{index}]"
    if message.role not in _ROLES:
        return [
            FieldViolation(
                f"{field}.role",
                f"{_role_name(message)} must be ROLE_SYSTEM, ROLE_USER or ROLE_ASSISTANT",
            )
        ]
    if message.role == llm_pb2.ROLE_SYSTEM and index > 0:
        return [FieldViolation(f"{field}.role", "ROLE_SYSTEM must come first")]
    if not message.content and message.role != llm_pb2.ROLE_ASSISTANT:
        return [FieldViolation(f"{field}.content", "must not be empty")]
    return []


def _role_name(message: llm_pb2.Message) -> str:
    known = llm_pb2.Role.DESCRIPTOR.values_by_number.get(message.role)
    return str(known.name) if known else str(message.role)


def read_sampling(
    sampling: llm_pb2.SamplingParams,
    *,
    defaults: Mapping[str, Any],
    max_tokens_limit: int,
    room: int,
    vocabulary_size: int,
    extra_stop: Sequence[str] = (),
) -> SamplingParams:
    """Reads how tokens are chosen; a field that is not set takes the model's default.

    Args:
        sampling: The request's message.
        defaults: What the model's authors recommend, by field name.
        max_tokens_limit: The most tokens that an answer may have on this server.
        room: Tokens that the prompt leaves of the context.
        vocabulary_size: Token ids are below it.
        extra_stop: Strings that end the answer beside the request's own.

    Raises:
        ApiError: A field's value is not allowed by this server.
        InvalidParameterError: A field's value is not allowed by the engine.
    """
    violations = []
    if sampling.HasField("max_tokens") and sampling.max_tokens > max_tokens_limit:
        violations.append(
            FieldViolation(
                "sampling.max_tokens",
                f"{sampling.max_tokens} must be 1 to {max_tokens_limit}, this server's limit",
            )
        )
    if len(sampling.stop) > _MAX_STOP_STRINGS:
        violations.append(
            FieldViolation(
                "sampling.stop", f"{len(sampling.stop)} strings, at most {_MAX_STOP_STRINGS}"
            )
        )
    violations += [
        FieldViolation(
            f"sampling.logit_bias[{token_id}]", f"must be a token id below {vocabulary_size}"
        )
        for token_id in sampling.logit_bias
        if token_id >= vocabulary_size
    ]
    if violations:
        raise ApiError.invalid(violations)
    fields = dict(defaults)
    for name in _OPTIONAL_FIELDS:
        if sampling.HasField(name):
            fields[name] = _shortest(getattr(sampling, name))
    # Drawn here and not by the engine: the caller is told it, and may go on elsewhere with it.
    fields.setdefault("seed", secrets.randbits(64))
    # A prompt that leaves no room is refused by the engine, which counts the tokens.
    unset = max(1, min(max_tokens_limit, room))
    return SamplingParams(
        max_tokens=sampling.max_tokens if sampling.HasField("max_tokens") else unset,
        stop=(*sampling.stop, *extra_stop),
        logit_bias={token_id: _shortest(bias) for token_id, bias in sampling.logit_bias.items()},
        ignore_eos=sampling.ignore_eos,
        **fields,
    )


def _shortest(value: float) -> float:
    """The decimal number that a float of 32 bits stands for: 0.7, not 0.699999988079071."""
    return float(f"{value:.7g}") if isinstance(value, float) else value
