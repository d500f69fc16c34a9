from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

# A channel of its own for every probe, so that a probe meets what a new client meets: a shared
# channel would answer out of its reconnection backoff after the server is back.
_CHANNEL_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
)


class Probe:
    """Asks the model server whether it can take requests: TCP connect, then gRPC health.

    The two say different things to whoever reads the log: nobody listens, or somebody listens but
    does not serve. A frozen process still accepts connections, hence the time limit on both.

    Args:
        host: The server's host.
        port: The server's TCP port.
        timeout: Seconds that the whole probe may take.
        tls_ca_file: PEM roots when the server speaks TLS.
        tls_name: Name in the server's certificate when it is not the host.
    """

    def __init__(
        self,
        host: str,
        port: int,
        timeout: float,
        tls_ca_file: Path | None = None,
        tls_name: str = "",
    ) -> None:
        self._host = host
        self._port = port
        self._timeout = timeout
        self._tls_ca_file = tls_ca_file
        self._options: list[tuple[str, int | str]] = list(_CHANNEL_OPTIONS)
        if tls_name:
            self._options.append(("grpc.ssl_target_name_override", tls_name))

    async def failure(self) -> str | None:
        """Probes once; returns why the server cannot take requests, or None when it can."""
        try:
            return await asyncio.wait_for(self._connect_and_check(), self._timeout)
        except asyncio.TimeoutError:
            return f"no answer within {self._timeout:g} s"
        except OSError as error:
            return f"no connection: {error}"
        except grpc.aio.AioRpcError as error:
            return f"health check failed: {error.code().name}: {error.details()}"

    async def connect(self) -> None:
        """Connects by TCP and closes again.

        Raises:
            OSError: When nobody listens.
        """
        _, writer = await asyncio.open_connection(self._host, self._port)
        writer.close()

    async def _connect_and_check(self) -> str | None:
        await self.connect()
        return await self._health()

    async def _health(self) -> str | None:
        async with self._channel() as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(
                health_pb2.HealthCheckRequest(service=""), timeout=self._timeout
            )
        if answer.status == health_pb2.HealthCheckResponse.SERVING:
            return None
        return f"health is {health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)}"

    def _channel(self) -> grpc.aio.Channel:
        host = f"[{self._host}]" if ":" in self._host else self._host
        target = f"{host}:{self._port}"
        if self._tls_ca_file is None:
            return grpc.aio.insecure_channel(target, options=self._options)
        # Read anew for every probe, because certificates are rotated under a running agent.
        credentials = grpc.ssl_channel_credentials(self._tls_ca_file.read_bytes())
        return grpc.aio.secure_channel(target, credentials, options=self._options)
