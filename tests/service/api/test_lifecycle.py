from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from llm.v1 import llm_pb2, llm_pb2_grpc
from llm_service import main
from llm_service.api.server import PortInUseError
from llm_service.config import Settings
from llm_service.model_runtime import ModelRuntime
from llm_service.models.loaded_model import LoadedModel
from tests.doubles.brake import Brake
from tests.doubles.llm_calls import collect, sampling
from tests.doubles.llm_server import LlmServer, free_port
from tests.doubles.rpc_failure import failure_of
from tests.doubles.tiny_model import make_random_model, make_scripted_model
from tests.doubles.until import until

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def watch(server: LlmServer) -> Any:
    """A Watch on LlmService."""
    request = health_pb2.HealthCheckRequest(service="llm.v1.LlmService")
    return health_pb2_grpc.HealthStub(server.channel).Watch(request)


async def test_before_the_model_is_there_the_server_says_so() -> None:
    async with LlmServer(None, None) as server:
        assert await server.health() == "NOT_SERVING"
        assert await server.health("") == "NOT_SERVING"
        failure = await failure_of(server.stub.Generate(llm_pb2.GenerateRequest(prompt="x")))
        info = await failure_of(server.stub.GetModelInfo(llm_pb2.GetModelInfoRequest()))
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "MODEL_LOADING")
    assert failure.retry_seconds
    assert info.reason == "MODEL_LOADING"


async def test_with_the_model_health_says_serving(
    tokenizer: PreTrainedTokenizerFast, random_model: LlamaForCausalLM
) -> None:
    async with LlmServer(random_model, tokenizer) as server:
        statuses = watch(server)
        while (await statuses.read()).status != SERVING:
            pass
        assert await server.health() == await server.health("") == "SERVING"
        request = health_pb2.HealthCheckRequest(service="other")
        failure = await failure_of(health_pb2_grpc.HealthStub(server.channel).Check(request))
        statuses.cancel()
    assert failure.code is grpc.StatusCode.NOT_FOUND


async def test_a_frozen_engine_turns_health_and_recovery_turns_it_back(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    model = make_random_model(tokenizer)
    async with LlmServer(model, tokenizer, step_timeout_seconds=0.5) as server:
        statuses = watch(server)
        while (await statuses.read()).status != SERVING:
            pass
        server.brake.pull()
        call = server.stub.Generate(
            llm_pb2.GenerateRequest(prompt="x", sampling=sampling(max_tokens=2))
        )
        answer = asyncio.ensure_future(call)
        assert (await statuses.read()).status == NOT_SERVING
        assert await server.health() == await server.health("") == "NOT_SERVING"
        server.brake.release()
        await answer
        assert (await statuses.read()).status == SERVING
        statuses.cancel()


async def test_draining_finishes_what_runs_and_refuses_what_is_new(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    async with LlmServer(make_scripted_model(tokenizer, {"A": ("A",)}), tokenizer) as server:
        server.brake.slow_down(0.02)
        statuses = watch(server)
        while (await statuses.read()).status != SERVING:
            pass
        request = llm_pb2.GenerateStreamRequest(prompt="A", sampling=sampling(max_tokens=60))
        stream = server.stub.GenerateStream(request)
        await stream.read()
        draining = asyncio.create_task(server.server.drain())
        assert (await statuses.read()).status == NOT_SERVING
        failure = await failure_of(server.stub.Generate(llm_pb2.GenerateRequest(prompt="x")))
        assert not draining.done()
        pieces = await collect(stream)
        await draining
        statuses.cancel()
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")
    assert pieces[-1].usage.completion_tokens == 60


async def test_an_answer_that_outlasts_the_drain_ends_as_unavailable(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    model = make_scripted_model(tokenizer, {"A": ("A",)})
    async with LlmServer(model, tokenizer, drain_seconds=0.1) as server:
        server.brake.slow_down(0.05)
        request = llm_pb2.GenerateStreamRequest(prompt="A", sampling=sampling(max_tokens=120))
        stream = server.stub.GenerateStream(request)
        await stream.read()
        await server.server.drain()
        stopping = asyncio.create_task(server.server.stop())
        failure = await failure_of(collect(stream))
        await stopping
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "DRAINING")


async def test_a_hung_engine_does_not_keep_the_server(
    tokenizer: PreTrainedTokenizerFast,
    random_model: LlamaForCausalLM,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("llm_service.api.server._ENGINE_STOP_SECONDS", 0.2)
    async with LlmServer(random_model, tokenizer, drain_seconds=0.1) as server:
        server.brake.pull()
        call = server.stub.Generate(llm_pb2.GenerateRequest(prompt="x", sampling=sampling()))
        answer = asyncio.ensure_future(failure_of(call))
        await until(lambda: server.engine.stats().running == 1)
        await server.server.drain()
        await server.server.stop()
        failure = await answer
        server.brake.release()
    assert failure.code is grpc.StatusCode.UNAVAILABLE


async def test_health_that_cannot_be_told_is_not_serving(
    tokenizer: PreTrainedTokenizerFast,
    random_model: LlamaForCausalLM,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> bool:
        raise RuntimeError("broken")

    async with LlmServer(random_model, tokenizer) as server:
        statuses = watch(server)
        while (await statuses.read()).status != SERVING:
            pass
        monkeypatch.setattr(server.engine, "stats", fail)
        assert (await statuses.read()).status == NOT_SERVING
        statuses.cancel()


async def test_new_requests_are_taken_while_discovery_notices(
    tokenizer: PreTrainedTokenizerFast, random_model: LlamaForCausalLM
) -> None:
    async with LlmServer(random_model, tokenizer, drain_notice_seconds=3600) as server:
        draining = asyncio.create_task(server.server.drain())
        while await server.health() != "NOT_SERVING":
            pass
        answer = await server.stub.Generate(
            llm_pb2.GenerateRequest(prompt="x", sampling=sampling(max_tokens=2))
        )
        draining.cancel()
    assert answer.usage.completion_tokens == 2


async def test_model_info_describes_model_and_limits(
    tokenizer: PreTrainedTokenizerFast, random_model: LlamaForCausalLM
) -> None:
    parameter_count = random_model.num_parameters()  # the engine takes the weights over
    async with LlmServer(random_model, tokenizer) as server:
        info = await server.stub.GetModelInfo(llm_pb2.GetModelInfoRequest())
    assert info == llm_pb2.GetModelInfoResponse(
        model_name="tiny",
        architecture="LlamaForCausalLM",
        parameter_count=parameter_count,
        context_length=256,
        vocabulary_size=len(tokenizer),
        dtype="float32",
        device="cpu",
        max_batch_size=4,
        has_chat_template=True,
        max_tokens_limit=128,
        chat_template="model",
    )


@pytest.mark.parametrize("offered", [True, False])
async def test_reflection_is_a_setting(offered: bool) -> None:
    async with LlmServer(None, None, reflection=offered) as server:
        stub = reflection_pb2_grpc.ServerReflectionStub(server.channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        answers = collect(stub.ServerReflectionInfo(iter([request])))
        if not offered:
            assert (await failure_of(answers)).code is grpc.StatusCode.UNIMPLEMENTED
            return
        names = {s.name for s in (await answers)[0].list_services_response.service}
    assert {"llm.v1.LlmService", "grpc.health.v1.Health"} <= names


async def test_a_second_server_cannot_share_the_port() -> None:
    async with LlmServer(None, None) as first:
        second = LlmServer(None, None, port=first.settings.port)
        with pytest.raises(PortInUseError, match=f"PORT={first.settings.port}"):
            await second.server.start()


async def test_a_failed_engine_sends_its_callers_elsewhere_and_ends_the_process(
    tokenizer: PreTrainedTokenizerFast,
    random_model: LlamaForCausalLM,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtimes: list[ModelRuntime] = []
    settings = Settings(host="127.0.0.1", port=free_port(), cache_memory_share=0.01)

    def load(settings: Settings) -> ModelRuntime:
        loaded = LoadedModel("tiny", random_model, tokenizer, random_model.num_parameters())
        runtimes.append(ModelRuntime.from_loaded(loaded, settings))
        return runtimes[0]

    monkeypatch.setattr(main, "_load", load)
    serving = asyncio.create_task(main._run(settings))
    await until(lambda: bool(runtimes))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{settings.port}") as channel:
        stub = llm_pb2_grpc.LlmServiceStub(channel)
        request = llm_pb2.GenerateStreamRequest(
            prompt="A", sampling=sampling(ignore_eos=True, max_tokens=500)
        )
        brake = Brake(runtimes[0].engine)
        brake.slow_down(0.02)
        stream = stub.GenerateStream(request, wait_for_ready=True)
        await stream.read()
        # Not one request's doing: the scheduler itself is broken.
        monkeypatch.setattr(runtimes[0].engine._scheduler, "schedule", lambda budget: 1 / 0)
        failure = await failure_of(collect(stream))
    assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "ENGINE_STOPPED")
    assert await serving == main.EXIT_FAILED
