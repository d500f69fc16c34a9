"""Streams that break off and go on at another server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from llm.v1 import llm_pb2
from tests.doubles.llm_calls import check_positions, collect, conversation, sampling
from tests.doubles.llm_server import LlmServer
from tests.doubles.rpc_failure import failure_of
from tests.doubles.tiny_model import make_random_model, make_scripted_model
from tests.doubles.tiny_tokenizer import make_tiny_tokenizer
from tests.doubles.until import until

ANSWER_TOKENS = 40
SCRIPT = ("<think>", "hm", " so", "</think>", "Ye", "s ", "😀", " 한", "!", " END")

FIELDS: list[dict[str, Any]] = [
    {"temperature": 0},
    {"temperature": 1.5, "seed": 7},
    {"temperature": 1.5},
    {"temperature": 1, "seed": 3, "frequency_penalty": 1, "repetition_penalty": 1.3},
    {"temperature": 1.5, "seed": 1, "min_tokens": 20, "stop": ["e", "\n", "ab"], "top_k": 50},
]


def random_server(seed: int = 0) -> LlmServer:
    """A server whose answers are random bytes; broken and whole characters."""
    tokenizer = make_tiny_tokenizer()
    return LlmServer(make_random_model(tokenizer, seed), tokenizer)


def thinking_server() -> LlmServer:
    """A server that reasons before it answers."""
    tokenizer = make_tiny_tokenizer(["hm", " so", "Ye", "s ", " END"])
    return LlmServer(make_scripted_model(tokenizer, {"<|assistant|>": SCRIPT}), tokenizer)


@pytest.fixture
async def pair() -> AsyncIterator[tuple[LlmServer, LlmServer]]:
    """Two servers with the same model."""
    async with random_server() as first, random_server() as second:
        yield first, second


def generate(fields: dict[str, Any], **more: Any) -> llm_pb2.GenerateStreamRequest:
    """A request for a continuation."""
    return llm_pb2.GenerateStreamRequest(
        prompt="Once upon", sampling=sampling(**{"max_tokens": ANSWER_TOKENS, **fields}), **more
    )


def resume_after(pieces: list[Any]) -> llm_pb2.Resume:
    """What a client knows after some pieces."""
    return llm_pb2.Resume(
        completion_token_ids=[token for piece in pieces for token in piece.token_ids],
        system_fingerprint=pieces[0].system_fingerprint,
    )


async def one_token_a_piece(server: LlmServer, call: Any) -> list[Any]:
    """All pieces of a stream, read so quickly that none are joined."""
    server.brake.slow_down(0.002)
    pieces = await collect(call)
    server.brake.slow_down(0)
    return pieces


@pytest.mark.parametrize("fields", FIELDS, ids=str)
async def test_a_stream_goes_on_at_another_server_after_any_piece(
    pair: tuple[LlmServer, LlmServer], fields: dict[str, Any]
) -> None:
    first, second = pair
    whole = await one_token_a_piece(first, first.stub.GenerateStream(generate(fields)))
    check_positions(whole)
    assert len(whole) > 3
    # The seed that the server drew is as good as one of the caller's.
    again = {**fields, "seed": whole[0].seed}
    for count in range(1, len(whole)):
        had = whole[:count]
        request = generate(again, resume=resume_after(had))
        rest = await collect(second.stub.GenerateStream(request))
        check_positions(rest, first_offset=had[-1].offset + len(had[-1].token_ids))
        assert [t for p in [*had, *rest] for t in p.token_ids] == [
            t for p in whole for t in p.token_ids
        ]
        assert "".join(p.text_delta for p in [*had, *rest]) == "".join(p.text_delta for p in whole)
        assert rest[-1].finish_reason == whole[-1].finish_reason
        assert rest[-1].matched_stop == whole[-1].matched_stop
        assert rest[-1].usage.completion_tokens == whole[-1].usage.completion_tokens
        assert rest[-1].usage.prompt_tokens == whole[-1].usage.prompt_tokens


async def test_a_chat_goes_on_inside_its_reasoning_and_inside_a_character() -> None:
    fields = sampling(stop=[" ENDED"])
    async with thinking_server() as server:
        request = llm_pb2.ChatStreamRequest(messages=conversation("Hi"), sampling=fields)
        whole = await one_token_a_piece(server, server.stub.ChatStream(request))
        tokens = [token for piece in whole for token in piece.token_ids]
        # After any token, whether or not a piece ended there: what is shown depends on that alone.
        for count in range(1, len(tokens)):
            resume = llm_pb2.Resume(completion_token_ids=tokens[:count])
            request.resume.CopyFrom(resume)
            rest = await collect(server.stub.ChatStream(request))
            check_positions(rest, first_offset=count)
            shown = [p for p in whole if p.offset + len(p.token_ids) <= count]
            held = count - sum(len(p.token_ids) for p in shown)
            if held == 0:
                assert "".join(p.content_delta for p in [*shown, *rest]) == "Yes 😀 한! END"
                assert "".join(p.reasoning_delta for p in [*shown, *rest]) == "hm so"
            assert rest[-1].usage.reasoning_tokens == whole[-1].usage.reasoning_tokens == 4


async def test_tokens_without_text_come_with_the_next_piece() -> None:
    async with thinking_server() as server:
        request = llm_pb2.ChatStreamRequest(messages=conversation("Hi"), sampling=sampling())
        whole = await one_token_a_piece(server, server.stub.ChatStream(request))
    by_text = {piece.content_delta: len(piece.token_ids) for piece in whole}
    assert by_text["😀"] == 4
    assert all(p.content_delta or p.reasoning_delta or p.finish_reason for p in whole)


async def test_what_cannot_be_resumed_is_refused(pair: tuple[LlmServer, LlmServer]) -> None:
    first, second = pair
    whole = await collect(first.stub.GenerateStream(generate({})))
    finished = await failure_of(
        collect(second.stub.GenerateStream(generate({}, resume=resume_after(whole))))
    )
    unknown = llm_pb2.Resume(completion_token_ids=[999_999])
    outside = await failure_of(collect(second.stub.GenerateStream(generate({}, resume=unknown))))
    field = "resume.completion_token_ids"
    assert finished.code is outside.code is grpc.StatusCode.INVALID_ARGUMENT
    assert finished.fields[field] == (
        f"'{ANSWER_TOKENS} tokens' end the answer at token {ANSWER_TOKENS}: "
        "there is nothing to go on with"
    )
    assert "token ids must be 0 to" in outside.fields[field]


async def test_another_model_does_not_go_on_with_an_answer() -> None:
    async with random_server() as first, random_server(seed=1) as other:
        whole = await one_token_a_piece(first, first.stub.GenerateStream(generate({})))
        request = generate({}, resume=resume_after(whole[:2]))
        failure = await failure_of(collect(other.stub.GenerateStream(request)))
    assert (failure.code, failure.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "MODEL_CHANGED",
    )


async def test_a_caller_that_leaves_while_its_answer_is_replayed_leaves_nothing(
    pair: tuple[LlmServer, LlmServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = pair
    whole = await one_token_a_piece(first, first.stub.GenerateStream(generate({})))
    entered, leave, submitted = asyncio.Event(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    submit = second.engine.submit

    def slow_submit(*arguments: Any) -> None:
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(leave.wait(), loop).result()
        submit(*arguments)
        loop.call_soon_threadsafe(submitted.set)

    monkeypatch.setattr(second.engine, "submit", slow_submit)
    second.brake.pull()
    stream = second.stub.GenerateStream(generate({}, resume=resume_after(whole[:2])))
    reading = asyncio.create_task(stream.read())
    await entered.wait()
    stream.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    leave.set()
    await submitted.wait()
    # The brake holds the engine until it was told, however late that comes.
    await until(lambda: second.engine._cancelled or not second.engine._open_prompts)
    second.brake.release()
    await until(lambda: not second.engine._open_prompts)
    assert len(second.brake.step_sizes) <= 1
    assert second.engine.stats().cache_usage == 0
