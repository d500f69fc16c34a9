from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import grpc
import pytest
from transformers import PreTrainedTokenizerFast

from llm.v1 import llm_pb2
from tests.doubles.llm_calls import collect, conversation, joined, sampling
from tests.doubles.llm_server import LlmServer
from tests.doubles.rpc_failure import failure_of
from tests.doubles.tiny_model import make_random_model, make_scripted_model
from tests.doubles.tiny_tokenizer import make_tiny_tokenizer
from tests.doubles.until import until


@pytest.fixture
async def server(tokenizer: PreTrainedTokenizerFast) -> AsyncIterator[LlmServer]:
    """A server whose model repeats an A for ever, slowly enough to be interrupted."""
    async with LlmServer(make_scripted_model(tokenizer, {"A": ("A",)}), tokenizer) as running:
        running.brake.slow_down(0.02)
        yield running


REQUEST = llm_pb2.GenerateStreamRequest(prompt="A", sampling=sampling(max_tokens=120))


async def test_a_cancelled_stream_frees_the_engine(server: LlmServer) -> None:
    call = server.stub.GenerateStream(REQUEST)
    await call.read()
    assert server.engine.stats().running == 1
    call.cancel()
    await until(lambda: server.engine.stats().running == 0)
    stats = server.engine.stats()
    assert stats.cache_usage == 0
    assert stats.completion_tokens < 100


async def test_a_cancelled_unary_call_frees_the_engine(server: LlmServer) -> None:
    call = server.stub.Generate(
        llm_pb2.GenerateRequest(prompt="A", sampling=sampling(max_tokens=120))
    )
    waiting = asyncio.ensure_future(call)
    await until(lambda: server.engine.stats().running == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: server.engine.stats().running == 0)
    assert server.engine.stats().completion_tokens < 100


async def test_a_client_that_vanishes_frees_the_engine(server: LlmServer) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        stream = channel.unary_stream(
            "/llm.v1.LlmService/GenerateStream",
            request_serializer=llm_pb2.GenerateStreamRequest.SerializeToString,
        )
        await stream(REQUEST).read()
    await until(lambda: server.engine.stats().running == 0)
    assert server.engine.stats().completion_tokens < 100


async def test_a_deadline_in_the_middle_of_an_answer_frees_the_engine(server: LlmServer) -> None:
    failure = await failure_of(collect(server.stub.GenerateStream(REQUEST, timeout=0.5)))
    await until(lambda: server.engine.stats().running == 0)
    assert server.engine.stats().completion_tokens < 100
    assert failure.code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_client_that_does_not_read_holds_nobody_up(server: LlmServer) -> None:
    idle = server.stub.GenerateStream(REQUEST)
    await until(lambda: server.engine.stats().running == 1)
    answer = await server.stub.Generate(
        llm_pb2.GenerateRequest(prompt="A", sampling=sampling(max_tokens=5))
    )
    assert answer.text == "AAAAA"
    await until(lambda: server.engine.stats().running == 0)
    # Nothing was lost on the way.
    pieces = await collect(idle)
    assert "".join(piece.text_delta for piece in pieces) == "A" * 120


async def test_two_callers_may_use_the_same_request_id(server: LlmServer) -> None:
    metadata = [("x-request-id", "mine")]
    first = server.stub.GenerateStream(REQUEST, metadata=metadata)
    assert (await first.read()).request_id == "mine"
    second = server.stub.GenerateStream(REQUEST, metadata=metadata)
    await second.read()
    second.cancel()
    rest = await collect(first)
    assert rest[-1].usage.completion_tokens == 120


async def test_requests_without_an_id_get_different_ones(server: LlmServer) -> None:
    request = llm_pb2.GenerateRequest(prompt="B", sampling=sampling())
    ids = {(await server.stub.Generate(request)).request_id for _ in range(2)}
    assert len(ids - {""}) == 2


async def test_the_cache_is_reused_for_the_same_beginning() -> None:
    tokenizer = make_tiny_tokenizer()
    async with LlmServer(make_random_model(tokenizer), tokenizer) as server:
        request = llm_pb2.ChatRequest(
            messages=conversation("x" * 150), sampling=sampling(max_tokens=1)
        )
        await server.stub.Chat(request)
        answer = await server.stub.Chat(request)
    assert 0 < answer.usage.cached_tokens < answer.usage.prompt_tokens


@pytest.mark.parametrize("log_prompts", [False, True])
async def test_texts_are_logged_only_if_that_is_switched_on(
    caplog: pytest.LogCaptureFixture, log_prompts: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    tokenizer = make_tiny_tokenizer(["whispered"])
    model = make_scripted_model(tokenizer, {"<|assistant|>": ("whispered",)})
    async with LlmServer(model, tokenizer, log_prompts=log_prompts) as server:
        request = llm_pb2.ChatStreamRequest(messages=conversation("between us"))
        answer = joined(
            await collect(server.stub.ChatStream(request, metadata=[("x-request-id", "mine")]))
        )
    assert answer.message.content == "whispered"
    assert "ChatStream mine stop: 13 prompt tokens" in caplog.text
    assert ("between us" in caplog.text) is log_prompts
    assert ("whispered" in caplog.text) is log_prompts
