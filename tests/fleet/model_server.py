"""A model server without a model, but with the real proto and the real health service.

Usage: HOST=127.0.0.1 PORT=50051 python -m tests.fleet.model_server
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from llm.v1 import llm_pb2, llm_pb2_grpc

STATUS = health_pb2.HealthCheckResponse
# Longer than any stream here.
DRAIN_SECONDS = 30.0
TOKEN_SECONDS = 0.05


class ModelServer(llm_pb2_grpc.LlmServiceServicer):
    """Answers with its own address; streams as many tokens as asked for."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def Chat(  # noqa: N802 - the proto's name
        self, request: llm_pb2.ChatRequest, context: grpc.aio.ServicerContext
    ) -> llm_pb2.ChatResponse:
        message = llm_pb2.Message(role=llm_pb2.ROLE_ASSISTANT, content=self._address)
        return llm_pb2.ChatResponse(message=message, finish_reason=llm_pb2.FINISH_REASON_STOP)

    async def ChatStream(  # noqa: N802 - the proto's name
        self, request: llm_pb2.ChatStreamRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[llm_pb2.ChatStreamResponse]:
        for number in range(request.sampling.max_tokens):
            yield llm_pb2.ChatStreamResponse(content_delta=f"{number} ")
            await asyncio.sleep(TOKEN_SECONDS)
        yield llm_pb2.ChatStreamResponse(finish_reason=llm_pb2.FINISH_REASON_LENGTH)


async def serve(address: str) -> None:
    """Serves until SIGTERM, then finishes what runs."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    llm_pb2_grpc.add_LlmServiceServicer_to_server(ModelServer(address), server)
    server.add_insecure_port(address)
    await servicer.set("", STATUS.SERVING)
    await server.start()
    await stop.wait()
    await servicer.set("", STATUS.NOT_SERVING)
    await server.stop(DRAIN_SECONDS)


if __name__ == "__main__":
    asyncio.run(serve(f"{os.environ['HOST']}:{os.environ['PORT']}"))
