from __future__ import annotations

import socket
from types import TracebackType
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from llm.v1 import llm_pb2_grpc
from llm_service.api.server import Server
from llm_service.config import Settings
from llm_service.engine.engine import Engine
from llm_service.model_runtime import ModelRuntime
from llm_service.models.loaded_model import LoadedModel
from tests.doubles.brake import Brake

_QUICK = {
    "host": "127.0.0.1",
    "max_batch_size": 4,
    "max_queue_size": 8,
    "max_context_length": 256,
    "max_tokens_limit": 128,
    "cache_memory_share": 0.01,
    "drain_seconds": 30.0,
}


class LlmServer:
    """The real server on loopback, with a model of the test's. Use as an async context manager.

    Attributes:
        address: Host and port.
        channel: A channel to it.
        stub: LlmService on that channel.
        server: The server itself.
        settings: Its settings.
        brake: Slows the engine down.
    """

    def __init__(
        self,
        model: PreTrainedModel | None,
        tokenizer: PreTrainedTokenizerBase | None,
        **settings: Any,
    ) -> None:
        """Prepares the server; without a model it stays in the state of loading one."""
        self.settings = Settings(**{**_QUICK, "port": free_port(), **settings})
        self._loaded = (
            LoadedModel("tiny", model, tokenizer, model.num_parameters())
            if model is not None and tokenizer is not None
            else None
        )
        self.server = Server(self.settings)
        self.address = f"127.0.0.1:{self.settings.port}"

    async def __aenter__(self) -> LlmServer:
        await self.server.start()
        if self._loaded:
            self.runtime = ModelRuntime.from_loaded(self._loaded, self.settings)
            self.brake = Brake(self.runtime.engine)
            self.server.serve(self.runtime)
        self.channel = grpc.aio.insecure_channel(self.address)
        self.stub = llm_pb2_grpc.LlmServiceStub(self.channel)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.channel.close()
        await self.server.stop()

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self.runtime.engine

    async def health(self, service: str = "llm.v1.LlmService") -> str:
        """What the health service says, by name."""
        request = health_pb2.HealthCheckRequest(service=service)
        response = await health_pb2_grpc.HealthStub(self.channel).Check(request)
        return health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
