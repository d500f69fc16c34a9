from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from typing import TYPE_CHECKING

import grpc

from llm.v1 import llm_pb2
from llm_service.api import requests, responses
from llm_service.api.answer_assembler import AnswerAssembler
from llm_service.api.api_error import ApiError, FieldViolation
from llm_service.api.engine_errors import to_api_error
from llm_service.api.generation_call import GenerationCall
from llm_service.api.request_log import RequestLog
from llm_service.chat.encoded_prompt import EncodedPrompt
from llm_service.chat.errors import ChatTemplateError
from llm_service.chat.reasoning_splitter import ReasoningSplitter
from llm_service.engine.errors import EngineError
from llm_service.engine.generation_request import GenerationRequest

if TYPE_CHECKING:  # its import loads torch, which takes seconds that the port must not wait for
    from llm_service.model_runtime import ModelRuntime

_REQUEST_ID_KEY = "x-request-id"
_MAX_REQUEST_ID_LENGTH = 128


class LlmServicer:
    """Answers LlmService's calls with the engine. protos/llm/v1/llm.proto describes each."""

    def __init__(self, *, max_tokens_limit: int, log_prompts: bool) -> None:
        """Starts without a model: calls are refused until `runtime` is set.

        Args:
            max_tokens_limit: The most tokens that one answer may have.
            log_prompts: Whether prompts and answers are logged.
        """
        self.runtime: ModelRuntime | None = None
        self._max_tokens_limit = max_tokens_limit
        self._log_prompts = log_prompts

    async def Chat(  # noqa: N802 -- gRPC's name
        self, request: llm_pb2.ChatRequest, context: grpc.aio.ServicerContext
    ) -> llm_pb2.ChatResponse:
        """Answers a conversation in one message."""
        call = await self._chat_call("Chat", request, context)
        answer = await call.answer(self._loaded_runtime().engine)
        return responses.chat_response(call.request_id, answer, request.sampling.stop)

    async def ChatStream(  # noqa: N802 -- gRPC's name
        self, request: llm_pb2.ChatStreamRequest, context: grpc.aio.ServicerContext
    ) -> None:
        """Answers a conversation piece by piece."""
        call = await self._chat_call("ChatStream", request, context)
        stop = request.sampling.stop
        await call.stream(
            self._loaded_runtime().engine,
            lambda piece: context.write(responses.chat_stream_response(call, piece, stop)),
        )

    async def Generate(  # noqa: N802 -- gRPC's name
        self, request: llm_pb2.GenerateRequest, context: grpc.aio.ServicerContext
    ) -> llm_pb2.GenerateResponse:
        """Continues a prompt."""
        call = await self._generate_call("Generate", request, context)
        answer = await call.answer(self._loaded_runtime().engine)
        return responses.generate_response(call.request_id, answer, request.sampling.stop)

    async def GenerateStream(  # noqa: N802 -- gRPC's name
        self, request: llm_pb2.GenerateStreamRequest, context: grpc.aio.ServicerContext
    ) -> None:
        """Continues a prompt piece by piece."""
        call = await self._generate_call("GenerateStream", request, context)
        stop = request.sampling.stop
        await call.stream(
            self._loaded_runtime().engine,
            lambda piece: context.write(responses.generate_stream_response(call, piece, stop)),
        )

    async def GetModelInfo(  # noqa: N802 -- gRPC's name
        self, _request: llm_pb2.GetModelInfoRequest, _context: grpc.aio.ServicerContext
    ) -> llm_pb2.GetModelInfoResponse:
        """Describes the model and the limits."""
        runtime = self._loaded_runtime()
        return llm_pb2.GetModelInfoResponse(
            model_name=runtime.loaded.name,
            architecture=runtime.loaded.architecture,
            parameter_count=runtime.loaded.parameter_count,
            context_length=runtime.engine.context_length,
            vocabulary_size=runtime.engine.vocabulary_size,
            dtype=runtime.loaded.dtype,
            device=runtime.loaded.device.type,
            max_batch_size=runtime.max_batch_size,
            has_chat_template=bool(runtime.template.text),
            max_tokens_limit=self._max_tokens_limit,
            chat_template=runtime.template.name,
        )

    async def _chat_call(
        self,
        method: str,
        request: llm_pb2.ChatRequest | llm_pb2.ChatStreamRequest,
        context: grpc.aio.ServicerContext,
    ) -> GenerationCall:
        runtime = self._loaded_runtime()
        messages = requests.read_messages(request.messages)
        try:
            # In a thread: a long conversation takes longer to encode than a step may wait.
            prompt = await asyncio.to_thread(runtime.encoder.encode_chat, messages)
        except ChatTemplateError as error:
            raise _template_refusal(error, runtime) from error
        splitter = (
            ReasoningSplitter(starts_in_reasoning=prompt.starts_in_reasoning)
            if runtime.encoder.has_reasoning
            else ReasoningSplitter.without_tags()
        )
        call = self._call(
            method,
            request.sampling,
            context,
            prompt=prompt,
            prompt_field="messages",
            splitter=splitter,
            extra_stop=runtime.template.stop,
            resume=_resume(request),
        )
        call.log.prompt(messages)
        return call

    async def _generate_call(
        self,
        method: str,
        request: llm_pb2.GenerateRequest | llm_pb2.GenerateStreamRequest,
        context: grpc.aio.ServicerContext,
    ) -> GenerationCall:
        runtime = self._loaded_runtime()
        if not request.prompt:
            raise ApiError.invalid([FieldViolation("prompt", "must not be empty")])
        prompt = await asyncio.to_thread(runtime.encoder.encode_text, request.prompt)
        call = self._call(
            method,
            request.sampling,
            context,
            prompt=prompt,
            prompt_field="prompt",
            splitter=None,
            extra_stop=(),
            resume=_resume(request),
        )
        call.log.prompt(request.prompt)
        return call

    def _call(
        self,
        method: str,
        sampling: llm_pb2.SamplingParams,
        context: grpc.aio.ServicerContext,
        *,
        prompt: EncodedPrompt,
        prompt_field: str,
        splitter: ReasoningSplitter | None,
        extra_stop: tuple[str, ...],
        resume: llm_pb2.Resume | None,
    ) -> GenerationCall:
        runtime = self._loaded_runtime()
        request_id = _request_id(context)
        fingerprint = _system_fingerprint(runtime)
        if resume:
            _require_same_model(resume, fingerprint)
        try:
            sampling_params = requests.read_sampling(
                sampling,
                defaults=runtime.sampling_defaults,
                max_tokens_limit=self._max_tokens_limit,
                room=runtime.engine.context_length - len(prompt.token_ids),
                vocabulary_size=runtime.engine.vocabulary_size,
                extra_stop=extra_stop,
            )
        except EngineError as error:
            raise to_api_error(error, prompt_field=prompt_field) from error
        remaining = context.time_remaining()
        return GenerationCall(
            request_id=request_id,
            log=RequestLog(method, request_id, with_texts=self._log_prompts),
            # An id of our own: two callers may send the same one, and cancelling one of them must
            # not end the other.
            generation=GenerationRequest(
                request_id=uuid.uuid4().hex,
                prompt_token_ids=prompt.token_ids,
                sampling=sampling_params,
                deadline=None if remaining is None else time.monotonic() + remaining,
                completion_token_ids=tuple(resume.completion_token_ids) if resume else (),
            ),
            assembler=AnswerAssembler(splitter),
            prompt_field=prompt_field,
            system_fingerprint=fingerprint,
        )

    def _loaded_runtime(self) -> ModelRuntime:
        if self.runtime is None:
            raise ApiError.loading()
        return self.runtime


def _request_id(context: grpc.aio.ServicerContext) -> str:
    given = dict(context.invocation_metadata() or ()).get(_REQUEST_ID_KEY)
    if given is None:
        return uuid.uuid4().hex
    if not 0 < len(given) <= _MAX_REQUEST_ID_LENGTH:
        raise ApiError.invalid(
            [FieldViolation(_REQUEST_ID_KEY, f"must have 1 to {_MAX_REQUEST_ID_LENGTH} characters")]
        )
    return str(given)


def _resume(request: object) -> llm_pb2.Resume | None:
    """What the caller has of the answer; only streams can be resumed."""
    streamed = isinstance(request, (llm_pb2.ChatStreamRequest, llm_pb2.GenerateStreamRequest))
    return request.resume if streamed and request.HasField("resume") else None  # type: ignore[attr-defined] # protobuf's code has no types


def _system_fingerprint(runtime: ModelRuntime) -> str:
    template = hashlib.sha256(runtime.template.text.encode()).hexdigest()
    return f"{runtime.loaded.fingerprint}-{template[:8]}"


def _require_same_model(resume: llm_pb2.Resume, fingerprint: str) -> None:
    if resume.system_fingerprint and resume.system_fingerprint != fingerprint:
        raise ApiError(
            grpc.StatusCode.FAILED_PRECONDITION,
            "MODEL_CHANGED",
            f"resume.system_fingerprint: {resume.system_fingerprint!r} is another model than this "
            f"server's {fingerprint!r}: resume at an instance that has it, or ask anew",
        )


def _template_refusal(error: ChatTemplateError, runtime: ModelRuntime) -> ApiError:
    if not runtime.template.text:
        return ApiError(grpc.StatusCode.FAILED_PRECONDITION, "NO_CHAT_TEMPLATE", str(error))
    return ApiError.invalid([FieldViolation("messages", str(error))])
