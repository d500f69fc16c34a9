from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.message import DecodeError

from llm.v1 import llm_pb2
from llm_service.api.api_error import ApiError, FieldViolation
from llm_service.api.measured_context import MeasuredContext
from llm_service.metrics.request_metrics import RequestMetrics

log = logging.getLogger(__name__)

SERVICE = llm_pb2.DESCRIPTOR.services_by_name["LlmService"]

_Behaviour = Callable[[Any, grpc.aio.ServicerContext], Awaitable[Any]]


def make_rpc_handlers(servicer: object, metrics: RequestMetrics) -> grpc.GenericRpcHandler:
    """Makes gRPC's handlers for every method of LlmService.

    The generated registration function would do, but for two leaks: bytes that are not UTF-8 reach
    the client as UNKNOWN before any of our code runs, and so does the text of an exception.

    Args:
        servicer: Has a coroutine of each method's name, which takes the request and the context. A
            unary method returns its response; a streaming one writes them to the context.
        metrics: Told of every call that asks for an answer of the model.
    """
    return grpc.method_handlers_generic_handler(
        SERVICE.full_name,
        {
            method.name: _make_handler(method, getattr(servicer, method.name), metrics)
            for method in SERVICE.methods
        },
    )


def _make_handler(
    method: Any, behaviour: _Behaviour, metrics: RequestMetrics
) -> grpc.RpcMethodHandler:
    generates = "sampling" in method.input_type.fields_by_name
    make = (
        grpc.unary_stream_rpc_method_handler
        if method.server_streaming
        else grpc.unary_unary_rpc_method_handler
    )
    return make(
        _guard(method.name, behaviour, metrics if generates else RequestMetrics()),
        request_deserializer=_make_deserializer(method.input_type),
        response_serializer=message_factory.GetMessageClass(method.output_type).SerializeToString,
    )


def _make_deserializer(message_type: Any) -> Callable[[bytes], Any]:
    message_class = message_factory.GetMessageClass(message_type)

    def deserialize(data: bytes) -> Any:
        # An exception here would become UNKNOWN: hand it on to the behaviour instead.
        try:
            return message_class.FromString(data)
        except DecodeError as error:
            return error

    return deserialize


def _guard(name: str, behaviour: _Behaviour, metrics: RequestMetrics) -> _Behaviour:
    async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
        started = time.monotonic()
        measured = MeasuredContext(context)
        try:
            if not isinstance(request, DecodeError):
                response = await behaviour(request, measured)
                metrics.answered(started, measured.first_message_at)
                return response
            refusal = _undecodable()
        except ApiError as error:
            refusal = error
        except Exception:
            log.exception("%s failed", name)
            refusal = ApiError.internal()
        except BaseException:  # the caller went away
            metrics.abandoned()
            raise
        metrics.failed()
        await context.abort(refusal.code, refusal.message, refusal.trailing_metadata())
        return None

    return call


def _undecodable() -> ApiError:
    violation = FieldViolation(
        "", "the request is not a message of this method: its texts must be valid UTF-8"
    )
    return ApiError(
        grpc.StatusCode.INVALID_ARGUMENT,
        "UNDECODABLE",
        violation.description,
        violations=[violation],
    )
