from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio

from llm_service.api.rpc_handlers import SERVICE

log = logging.getLogger(__name__)

_SERVICE_NAMES = ("", SERVICE.full_name)
_CHECK_INTERVAL_SECONDS = 0.25


class HealthReporter:
    """Answers the standard health service for the whole server and for LlmService.

    Starts as NOT_SERVING. Once the model is there it follows the engine: a step that hangs turns
    Check and every Watch to NOT_SERVING, and back when it goes on.
    """

    def __init__(self) -> None:
        self._servicer = health_aio.HealthServicer()
        self._serving = False

    async def add_to(self, server: grpc.aio.Server) -> None:
        """Registers the health service; call it before the server starts."""
        # The library's servicer says SERVING until it is told otherwise.
        await self._set(serving=False)
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def follow(self, is_healthy: Callable[[], bool]) -> None:
        """Reports what `is_healthy` says, until cancelled."""
        while True:
            healthy = _ask(is_healthy)
            if healthy != self._serving:
                log.log(
                    logging.INFO if healthy else logging.ERROR,
                    "health: %s",
                    "SERVING" if healthy else "NOT_SERVING, the engine makes no progress",
                )
                await self._set(serving=healthy)
            await asyncio.sleep(_CHECK_INTERVAL_SECONDS)

    async def shut_down(self) -> None:
        """Says NOT_SERVING from here on, whatever the engine does."""
        await self._servicer.enter_graceful_shutdown()

    async def _set(self, *, serving: bool) -> None:
        self._serving = serving
        status = health_pb2.HealthCheckResponse.ServingStatus
        for name in _SERVICE_NAMES:
            await self._servicer.set(name, status.SERVING if serving else status.NOT_SERVING)


def _ask(is_healthy: Callable[[], bool]) -> bool:
    try:
        return is_healthy()
    except Exception:
        # Should the question itself fail, the last answer must not stand for ever.
        log.exception("the engine's health cannot be told")
        return False
