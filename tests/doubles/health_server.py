from __future__ import annotations

from pathlib import Path

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class HealthServer:
    """A gRPC server on loopback with nothing but the standard health service.

    Attributes:
        port: Its TCP port, the same one after a stop and start.
    """

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.port = 0
        self._certificate = certificate
        self._health = health.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Serves, with the health that was set last."""
        self._server = grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        address = f"127.0.0.1:{self.port}"
        if self._certificate is None:
            self.port = self._server.add_insecure_port(address)
        else:
            chain, key = (file.read_bytes() for file in self._certificate)
            credentials = grpc.ssl_server_credentials([(key, chain)])
            self.port = self._server.add_secure_port(address, credentials)
        await self._server.start()

    async def set(self, status: int) -> None:
        """Sets the health."""
        await self._health.set("", status)

    async def stop(self) -> None:
        """Stops at once."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None
