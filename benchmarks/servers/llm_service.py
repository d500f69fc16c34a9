from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.answer_timing import AnswerTiming
from benchmarks.servers.server import Server
from benchmarks.workload import Prompt
from llm.v1 import llm_pb2, llm_pb2_grpc


class LlmService(Server):
    """Our server, over gRPC."""

    def __init__(self, name: str, model: Path, log_folder: Path, **settings: str) -> None:
        """Chooses a model.

        Args:
            name: What tables and plots call it.
            model: Folder in transformers' format.
            log_folder: Where its output is kept.
            settings: Environment variables of the server.
        """
        super().__init__(name, log_folder)
        self._settings = {"MODEL_NAME": str(model), "PORT": str(self.port), **settings}
        self._channel: grpc.aio.Channel | None = None

    def command(self) -> Sequence[str]:
        """Returns what starts it."""
        return [sys.executable, "-m", "llm_service.main"]

    def environment(self) -> Mapping[str, str]:
        """Returns its settings."""
        return {"HOST": "127.0.0.1", "MAX_BATCH_SIZE": "16", **self._settings}

    async def is_ready(self) -> bool:
        """Says whether the health service answers SERVING."""
        try:
            answer = await health_pb2_grpc.HealthStub(self._connect()).Check(
                health_pb2.HealthCheckRequest(), timeout=1
            )
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def answer(self, prompt: Prompt) -> AnswerTiming:
        """Streams a continuation of exactly the wanted length."""
        request = llm_pb2.GenerateStreamRequest(
            prompt=prompt.text,
            sampling=llm_pb2.SamplingParams(
                temperature=0, max_tokens=prompt.output_tokens, ignore_eos=True
            ),
        )
        timing = AnswerTiming(started=time.perf_counter())
        async for piece in llm_pb2_grpc.LlmServiceStub(self._connect()).GenerateStream(request):
            timing.pieces.append(time.perf_counter())
            timing.tokens = max(timing.tokens, piece.usage.completion_tokens)
        return timing

    async def close(self) -> None:
        """Closes the channel."""
        if self._channel:
            await self._channel.close()
            self._channel = None

    def _connect(self) -> grpc.aio.Channel:
        if not self._channel:
            # Short waits between tries while the server starts: they would count as its start.
            options = [("grpc.max_reconnect_backoff_ms", 200)]
            self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}", options=options)
        return self._channel
