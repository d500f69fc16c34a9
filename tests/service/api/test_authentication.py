"""Who may call a server that asks for tokens."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from llm.v1 import llm_pb2
from llm_service.api.token_authenticator import TokenAuthenticator
from llm_service.client.client_credentials import ClientCredentials
from llm_service.client.client_error import ClientError
from llm_service.client.llm_client import LlmClient
from tests.doubles.llm_calls import collect, conversation, sampling
from tests.doubles.llm_server import LlmServer
from tests.doubles.rpc_failure import failure_of

CHAT = {"messages": conversation("Hi"), "sampling": sampling(max_tokens=2, ignore_eos=True)}


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    path.write_text("first-token\n\n  second-token  \n")
    return path


@pytest.fixture
async def server(
    random_model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, tokens_file: Path
) -> AsyncIterator[LlmServer]:
    async with LlmServer(random_model, tokenizer, tokens_file=tokens_file) as running:
        yield running


@pytest.mark.parametrize("token", ["first-token", "second-token"])
async def test_each_of_several_tokens_is_accepted(server: LlmServer, token: str) -> None:
    answer = await server.stub.Chat(llm_pb2.ChatRequest(**CHAT), metadata=bearer(token))
    assert answer.usage.completion_tokens == 2


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        bearer(""),
        bearer("first-toke"),
        bearer("first-token2"),
        bearer("first-token second-token"),
        (("authorization", "first-token"),),
        (("authorization", "Basic first-token"),),
        (("x-authorization", "Bearer first-token"),),
    ],
    ids=["none", "empty", "shorter", "longer", "two", "bare", "basic", "elsewhere"],
)
async def test_a_call_without_a_known_token_is_refused_before_it_costs_anything(
    server: LlmServer, metadata: tuple[tuple[str, str], ...]
) -> None:
    read_before = server.engine.stats().prompt_tokens
    for call in (
        server.stub.Chat(llm_pb2.ChatRequest(**CHAT), metadata=metadata),
        collect(server.stub.ChatStream(llm_pb2.ChatStreamRequest(**CHAT), metadata=metadata)),
        server.stub.GetModelInfo(llm_pb2.GetModelInfoRequest(), metadata=metadata),
    ):
        failure = await failure_of(call)
        assert failure.code is grpc.StatusCode.UNAUTHENTICATED
        assert failure.reason == "TOKEN_REQUIRED"
    assert server.engine.stats().prompt_tokens == read_before


async def test_health_stays_open_and_reflection_does_not(server: LlmServer) -> None:
    assert await server.health() == "SERVING"
    stub = reflection_pb2_grpc.ServerReflectionStub(server.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        async for _ in stub.ServerReflectionInfo(iter([request])):
            pass
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_tokens_rotate_without_a_restart(tokens_file: Path) -> None:
    authenticator = TokenAuthenticator(tokens_file)
    replacement = tokens_file.with_suffix(".new")
    replacement.write_text("second-token\nthird-token\n")
    replacement.replace(tokens_file)
    assert not authenticator.accepts(["Bearer first-token"])
    assert authenticator.accepts(["Bearer second-token"])
    assert authenticator.accepts(["bearer third-token"])


@pytest.mark.parametrize("slip", ["emptied", "removed"])
def test_a_slip_with_the_file_neither_locks_out_nor_lets_in(tokens_file: Path, slip: str) -> None:
    authenticator = TokenAuthenticator(tokens_file)
    if slip == "emptied":
        tokens_file.write_text("\n")
    else:
        tokens_file.unlink()
    assert authenticator.accepts(["Bearer first-token"])
    assert not authenticator.accepts(["Bearer "])
    assert not authenticator.accepts([])


async def test_the_client_brings_its_token(server: LlmServer, tokens_file: Path) -> None:
    credentials = ClientCredentials.from_environment({"LLM_TOKEN_FILE": str(tokens_file)})

    def ask(credentials: ClientCredentials) -> int:
        with LlmClient(server.address, credentials) as client:
            client.wait_until_serving(60)
            *_, last = client.chat_stream(CHAT["messages"], CHAT["sampling"])
            return last.completion_tokens

    assert await asyncio.to_thread(ask, credentials) == 2
    with pytest.raises(ClientError, match="authorization"):
        await asyncio.to_thread(ask, ClientCredentials())


def test_a_client_s_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(ClientError, match=f"LLM_TLS_CA_FILE={missing}"):
        ClientCredentials.from_environment({"LLM_TLS_CA_FILE": os.fspath(missing)})
