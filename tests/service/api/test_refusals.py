from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from llm.v1 import llm_pb2
from tests.doubles.llm_calls import collect, conversation, sampling
from tests.doubles.llm_server import LlmServer
from tests.doubles.rpc_failure import RpcFailure, failure_of
from tests.doubles.tiny_model import make_random_model
from tests.doubles.tiny_tokenizer import make_tiny_tokenizer
from tests.doubles.until import until

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture
async def server(
    tokenizer: PreTrainedTokenizerFast, random_model: LlamaForCausalLM
) -> AsyncIterator[LlmServer]:
    async with LlmServer(random_model, tokenizer) as running:
        yield running


async def chat_failure(server: LlmServer, messages: Any, **fields: Any) -> RpcFailure:
    """How Chat refuses; ChatStream must refuse just so."""
    request = {"messages": messages, "sampling": sampling(**fields)}
    unary = await failure_of(server.stub.Chat(llm_pb2.ChatRequest(**request)))
    stream = await failure_of(collect(server.stub.ChatStream(llm_pb2.ChatStreamRequest(**request))))
    assert vars(stream) == vars(unary)
    return unary


async def generate_failure(server: LlmServer, prompt: str, **fields: Any) -> RpcFailure:
    """How Generate refuses; GenerateStream must refuse just so."""
    request = {"prompt": prompt, "sampling": sampling(**fields)}
    unary = await failure_of(server.stub.Generate(llm_pb2.GenerateRequest(**request)))
    stream = await failure_of(
        collect(server.stub.GenerateStream(llm_pb2.GenerateStreamRequest(**request)))
    )
    assert vars(stream) == vars(unary)
    return unary


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ([], "messages"),
        ([llm_pb2.Message(content="x")], "messages[0].role"),
        ([llm_pb2.Message(role=99, content="x")], "messages[0].role"),
        (conversation(""), "messages[0].content"),
        (conversation("x", ("assistant", "y")), "messages[1].role"),
        (conversation("x", ("system", "y"), "z"), "messages[1].role"),
    ],
)
async def test_a_wrong_conversation_is_refused_by_field(
    server: LlmServer, messages: list[llm_pb2.Message], field: str
) -> None:
    failure = await chat_failure(server, messages)
    assert (failure.code, failure.reason) == (INVALID_ARGUMENT, "INVALID_FIELD")
    assert list(failure.fields) == [field]
    assert "must" in failure.fields[field]
    assert failure.retry_seconds is None


async def test_every_wrong_message_is_named(server: LlmServer) -> None:
    messages = [llm_pb2.Message(content="x"), llm_pb2.Message(role=llm_pb2.ROLE_USER)]
    failure = await chat_failure(server, messages)
    assert list(failure.fields) == ["messages[0].role", "messages[1].content"]


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("temperature", -0.1, "-0.1"),
        ("temperature", 2.5, "2.5"),
        ("temperature", float("nan"), "nan"),
        ("temperature", float("inf"), "inf"),
        ("top_p", 0, "0.0"),
        ("top_p", 1.5, "1.5"),
        ("min_p", 1.5, "1.5"),
        ("repetition_penalty", 0, "0.0"),
        ("presence_penalty", 3, "3.0"),
        ("frequency_penalty", -3, "-3.0"),
        ("max_tokens", 0, "0"),
        ("max_tokens", 129, "129"),
        ("min_tokens", 500, "500"),
        ("stop", [""], ""),
        ("stop", ["x"] * 17, "17"),
    ],
)
async def test_a_wrong_sampling_field_is_refused_with_its_value(
    server: LlmServer, field: str, value: Any, shown: str
) -> None:
    read_before = server.engine.stats().prompt_tokens
    for failure in (
        await chat_failure(server, conversation("x"), **{field: value}),
        await generate_failure(server, "x", **{field: value}),
    ):
        assert failure.code is INVALID_ARGUMENT
        assert list(failure.fields) == [f"sampling.{field}"]
        assert shown in failure.fields[f"sampling.{field}"]
    assert server.engine.stats().prompt_tokens == read_before


async def test_a_logit_bias_outside_the_vocabulary_is_refused(server: LlmServer) -> None:
    failure = await generate_failure(server, "x", logit_bias={100_000: 1.0})
    assert list(failure.fields) == ["sampling.logit_bias[100000]"]


async def test_an_empty_prompt_is_refused(server: LlmServer) -> None:
    failure = await generate_failure(server, "")
    assert (failure.code, list(failure.fields)) == (INVALID_ARGUMENT, ["prompt"])


async def test_a_prompt_longer_than_the_context_is_refused(server: LlmServer) -> None:
    failure = await generate_failure(server, "x" * 300)
    assert (failure.code, failure.reason) == (INVALID_ARGUMENT, "CONTEXT_EXCEEDED")
    assert list(failure.fields) == ["prompt"]
    assert failure.metadata["prompt_tokens"] == "301"
    assert failure.metadata["context_length"] == "256"
    failure = await chat_failure(server, conversation("x" * 300))
    assert list(failure.fields) == ["messages"]


async def test_too_many_tokens_for_the_context_are_refused_as_such(server: LlmServer) -> None:
    failure = await generate_failure(server, "x" * 200, max_tokens=100)
    assert (failure.code, failure.reason) == (INVALID_ARGUMENT, "CONTEXT_EXCEEDED")
    assert list(failure.fields) == ["sampling.max_tokens"]


async def test_texts_that_are_not_utf8_are_refused(server: LlmServer) -> None:
    # Field 1, a string of two bytes that are no character: prompt, and a message's role and text.
    call = server.channel.unary_unary("/llm.v1.LlmService/Generate")
    failure = await failure_of(call(b"\x0a\x02\xff\xfe"))
    assert (failure.code, failure.reason) == (INVALID_ARGUMENT, "UNDECODABLE")
    assert "UTF-8" in failure.message
    stream = server.channel.unary_stream("/llm.v1.LlmService/ChatStream")
    failure = await failure_of(collect(stream(b"\x0a\x06\x08\x02\x12\x02\xff\xfe")))
    assert (failure.code, failure.reason) == (INVALID_ARGUMENT, "UNDECODABLE")


async def test_an_unknown_method_is_unimplemented(server: LlmServer) -> None:
    call = server.channel.unary_unary(
        "/llm.v1.LlmService/Nothing", request_serializer=empty_pb2.Empty.SerializeToString
    )
    assert (await failure_of(call(empty_pb2.Empty()))).code is grpc.StatusCode.UNIMPLEMENTED


async def test_an_exception_reveals_nothing(
    server: LlmServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_text: str) -> None:
        raise RuntimeError("a secret of the server")

    monkeypatch.setattr(server.runtime.encoder, "encode_text", fail)
    failure = await generate_failure(server, "x")
    assert (failure.code, failure.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in failure.message
    assert "a secret of the server" in caplog.text


async def test_a_template_that_refuses_is_the_callers_to_correct(
    random_model: LlamaForCausalLM,
) -> None:
    tokenizer = make_tiny_tokenizer(chat_template="{{ raise_exception('no system role here') }}")
    async with LlmServer(random_model, tokenizer) as server:
        failure = await chat_failure(server, conversation("x"))
    assert (failure.code, list(failure.fields)) == (INVALID_ARGUMENT, ["messages"])
    assert "no system role here" in failure.message


async def test_chat_without_a_template_says_how_to_get_one(
    random_model: LlamaForCausalLM,
) -> None:
    tokenizer = make_tiny_tokenizer(chat_template=None)
    async with LlmServer(random_model, tokenizer, chat_template="model") as server:
        failure = await chat_failure(server, conversation("x"))
        info = await server.stub.GetModelInfo(llm_pb2.GetModelInfoRequest())
    assert failure.code is grpc.StatusCode.FAILED_PRECONDITION
    assert failure.reason == "NO_CHAT_TEMPLATE"
    assert "CHAT_TEMPLATE=dialogue" in failure.message
    assert not info.has_chat_template


async def test_a_full_queue_refuses_while_health_says_serving(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    model = make_random_model(tokenizer)
    async with LlmServer(model, tokenizer, max_batch_size=1, max_queue_size=1) as server:
        server.brake.pull()
        request = llm_pb2.GenerateRequest(prompt="x", sampling=sampling(max_tokens=2))
        accepted = [server.stub.Generate(request) for _ in range(2)]
        await until(lambda: len(server.engine._open_prompts) == 2)
        failure = await failure_of(server.stub.Generate(request))
        health = await server.health()
        server.brake.release()
        for call in accepted:
            assert (await call).usage.completion_tokens == 2
    assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL")
    assert failure.retry_seconds is not None
    assert failure.retry_seconds > 0
    assert int(failure.trailers["grpc-retry-pushback-ms"]) == round(failure.retry_seconds * 1000)
    assert health == "SERVING"


async def test_a_deadline_in_the_queue_ends_the_request_there(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    model = make_random_model(tokenizer)
    async with LlmServer(model, tokenizer, max_batch_size=1) as server:
        server.brake.pull()
        first = asyncio.ensure_future(
            server.stub.Generate(
                llm_pb2.GenerateRequest(prompt="x", sampling=sampling(max_tokens=9, min_tokens=9))
            )
        )
        await until(lambda: server.engine.stats().running == 1)
        second = server.stub.Generate(
            llm_pb2.GenerateRequest(prompt="yyyy", sampling=sampling()), timeout=0.2
        )
        failure = await failure_of(second)
        server.brake.release()
        await first
        await until(lambda: server.engine.stats().waiting == 0)
    assert failure.code is grpc.StatusCode.DEADLINE_EXCEEDED
    # The first prompt and its answer's tokens: nothing of the second prompt was read.
    assert server.brake.step_sizes == [2, *[1] * 8]


async def test_an_overlong_request_id_is_refused(server: LlmServer) -> None:
    call = server.stub.Generate(
        llm_pb2.GenerateRequest(prompt="x"), metadata=[("x-request-id", "i" * 129)]
    )
    assert list((await failure_of(call)).fields) == ["x-request-id"]
