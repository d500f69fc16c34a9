from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent import futures

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from deployment.asker import Asker
from deployment.endpoints import Endpoints
from deployment.errors import FindingsError
from llm.v1 import llm_pb2, llm_pb2_grpc
from tests.deployment.fakes import Words


class Parrot(llm_pb2_grpc.LlmServiceServicer):
    """Thinks once and then says the question again, in two pieces."""

    def __init__(self) -> None:
        self.requests: list[llm_pb2.ChatStreamRequest] = []

    def ChatStream(  # noqa: N802 - gRPC names it
        self, request: llm_pb2.ChatStreamRequest, context: grpc.ServicerContext
    ) -> Iterator[llm_pb2.ChatStreamResponse]:
        self.requests.append(request)
        question = request.messages[-1].content
        if question == "fail":
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "the queue is full")
        yield llm_pb2.ChatStreamResponse(reasoning_delta="hm")
        yield llm_pb2.ChatStreamResponse(content_delta=question[:3])
        yield llm_pb2.ChatStreamResponse(content_delta=question[3:])
        yield llm_pb2.ChatStreamResponse(
            finish_reason=llm_pb2.FINISH_REASON_STOP,
            usage=llm_pb2.Usage(prompt_tokens=5, completion_tokens=7),
        )


@pytest.fixture(scope="module")
def parrot() -> Iterator[tuple[Parrot, str]]:
    servicer = Parrot()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    llm_pb2_grpc.add_LlmServiceServicer_to_server(servicer, server)
    states = health.HealthServicer()
    for name in ("", "llm.v1.LlmService"):
        states.set(name, health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(states, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, f"127.0.0.1:{port}"
    server.stop(0).wait()


def test_streams_the_answer_to_stdout_and_the_reasoning_to_stderr(
    parrot: tuple[Parrot, str], words: Words
) -> None:
    servicer, address = parrot
    Asker(Endpoints.fixed(address), words, timeout=30).ask(
        "Why is the [sky] blue?", system="Be brief.", max_tokens=9, temperature=0
    )
    assert words.results == "Why is the [sky] blue?\n"
    assert "hm" in words.notes
    request = servicer.requests[-1]
    assert [(message.role, message.content) for message in request.messages] == [
        (llm_pb2.ROLE_SYSTEM, "Be brief."),
        (llm_pb2.ROLE_USER, "Why is the [sky] blue?"),
    ]
    assert request.sampling.max_tokens == 9
    assert request.sampling.HasField("temperature")
    assert not request.sampling.HasField("top_p")


def test_several_discovered_servers_are_one_target(parrot: tuple[Parrot, str]) -> None:
    words = Words(as_json=True)
    address = parrot[1]
    Asker(Endpoints((address, address), ("i-1", "i-2")), words, timeout=30).ask("hello")
    assert json.loads(words.results) == {
        "answer": "hello",
        "finish_reason": "stop",
        "prompt_tokens": 5,
        "completion_tokens": 7,
        "servers": [address, address],
    }


def test_a_refusal_of_the_server_is_told(parrot: tuple[Parrot, str], words: Words) -> None:
    with pytest.raises(FindingsError, match="the queue is full"):
        Asker(Endpoints.fixed(parrot[1]), words, timeout=30).ask("fail")


def test_servers_out_of_reach_say_how_to_reach_them(words: Words) -> None:
    # Nothing listens on port 1 of loopback.
    endpoints = Endpoints(("127.0.0.1:1",), ("i-0abc",))
    with pytest.raises(FindingsError) as failed:
        Asker(endpoints, words, timeout=0).ask("hello")
    assert "aws ssm start-session --target i-0abc" in failed.value.remedy
    assert "--address localhost:50051" in failed.value.remedy
    with pytest.raises(FindingsError) as failed:
        Asker(Endpoints.fixed("127.0.0.1:1"), words, timeout=0).ask("hello")
    assert failed.value.remedy == "check the address, and that the server runs"
