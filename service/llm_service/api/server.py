from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection

from llm_service.api.authentication_interceptor import AuthenticationInterceptor
from llm_service.api.health_reporter import HealthReporter
from llm_service.api.llm_servicer import LlmServicer
from llm_service.api.rpc_handlers import SERVICE, make_rpc_handlers
from llm_service.api.token_authenticator import TokenAuthenticator
from llm_service.config import Settings
from llm_service.daemon_thread import run_in_daemon_thread
from llm_service.metrics.embedded_metrics import EmbeddedMetrics
from llm_service.metrics.metrics_publisher import MetricsPublisher
from llm_service.metrics.request_metrics import RequestMetrics

if TYPE_CHECKING:  # its import loads torch, which takes seconds that the port must not wait for
    from llm_service.model_runtime import ModelRuntime

log = logging.getLogger(__name__)

# After all answers are done, what is left are health watches, which never end by themselves.
_CLOSING_SECONDS = 1.0
# The longest wait for the step that runs. A hung one never ends, and must not keep the process.
_ENGINE_STOP_SECONDS = 10.0
_FAILURE_POLL_SECONDS = 0.25
_KEEPALIVE_TIME_MS = 30_000
_KEEPALIVE_TIMEOUT_MS = 10_000
_MIN_CLIENT_PING_INTERVAL_MS = 10_000


class PortInUseError(OSError):
    """Another process listens on the port already."""


class Server:
    """The gRPC server: LlmService, health and reflection on one port.

    It opens the port before there is a model, so that health can be asked meanwhile.
    """

    def __init__(self, settings: Settings) -> None:
        """Prepares the server; opens nothing.

        Args:
            settings: This server's settings.
        """
        self._settings = settings
        self._server = grpc.aio.server(
            interceptors=_interceptors(settings), options=_options(settings)
        )
        self._servicer = LlmServicer(
            max_tokens_limit=settings.max_tokens_limit, log_prompts=settings.log_prompts
        )
        self._health = HealthReporter()
        self._requests = RequestMetrics()
        self._follow: asyncio.Task[None] | None = None
        self._publish: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Opens the port. Health says NOT_SERVING, and LlmService refuses calls.

        Raises:
            PortInUseError: The port cannot be opened.
        """
        self._server.add_generic_rpc_handlers((make_rpc_handlers(self._servicer, self._requests),))
        await self._health.add_to(self._server)
        if self._settings.reflection:
            names = (
                SERVICE.full_name,
                health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,
                reflection.SERVICE_NAME,
            )
            reflection.enable_server_reflection(names, self._server)
        host = f"[{self._settings.host}]" if ":" in self._settings.host else self._settings.host
        address = f"{host}:{self._settings.port}"
        credentials = _credentials(self._settings)
        try:
            if credentials:
                self._server.add_secure_port(address, credentials)
            else:
                self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise PortInUseError(
                f"HOST={self._settings.host}, PORT={self._settings.port}: cannot listen there; "
                "name an address of this machine and a port that no other process uses"
            ) from error
        await self._server.start()
        log.info("listening on %s%s", address, " with TLS" if credentials else "")

    def serve(self, runtime: ModelRuntime) -> None:
        """Begins to answer, now that the model is there; health follows the engine."""
        self._servicer.runtime = runtime
        self._follow = asyncio.create_task(self._health.follow(runtime.engine.is_healthy))
        if self._settings.metrics_namespace:
            metrics = EmbeddedMetrics(self._settings.metrics_namespace, self._settings.stack_name)
            publisher = MetricsPublisher(
                metrics, self._requests, runtime.engine.stats, lambda line: print(line, flush=True)
            )
            self._publish = asyncio.create_task(publisher.run())

    async def wait_for_failure(self) -> None:
        """Returns once the engine has failed for good; not before, and not without a model."""
        runtime = self._servicer.runtime
        while runtime is None or not runtime.engine.has_failed:
            await asyncio.sleep(_FAILURE_POLL_SECONDS)
            runtime = self._servicer.runtime

    async def drain(self) -> None:
        """Takes nothing new and lets running answers finish, for DRAIN_SECONDS at the most.

        Health says NOT_SERVING at once. Answers that take longer end with UNAVAILABLE.
        """
        await self._health.shut_down()
        runtime = self._servicer.runtime
        if runtime is None:
            return
        await asyncio.sleep(self._settings.drain_notice_seconds)
        log.info("draining: running answers have %g s", self._settings.drain_seconds)
        seconds = self._settings.drain_seconds
        finished = await run_in_daemon_thread("drain", lambda: runtime.engine.drain(seconds))
        log.info("drained" if finished else "ending the answers that took too long")

    async def stop(self) -> None:
        """Ends what is left and closes the port."""
        await self._health.shut_down()
        for task in (self._follow, self._publish):
            if task:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        if self._servicer.runtime:
            stopping = run_in_daemon_thread("stop", self._servicer.runtime.engine.stop)
            await asyncio.wait({stopping}, timeout=_ENGINE_STOP_SECONDS)
        await self._server.stop(_CLOSING_SECONDS)


def _credentials(settings: Settings) -> grpc.ServerCredentials | None:
    if not (settings.tls_certificate_file and settings.tls_key_file):
        return None
    key, chain = settings.tls_key_file.read_bytes(), settings.tls_certificate_file.read_bytes()
    return grpc.ssl_server_credentials([(key, chain)])


def _interceptors(settings: Settings) -> list[grpc.aio.ServerInterceptor]:
    if not settings.tokens_file:
        return []
    return [AuthenticationInterceptor(TokenAuthenticator(settings.tokens_file))]


def _options(settings: Settings) -> list[tuple[str, int]]:
    return [
        # Without this a second server on the same port would share its connections, silently.
        ("grpc.so_reuseport", 0),
        ("grpc.keepalive_time_ms", _KEEPALIVE_TIME_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        # The name with "recv" in it, which looks right, is ignored without a word.
        ("grpc.http2.min_ping_interval_without_data_ms", _MIN_CLIENT_PING_INTERVAL_MS),
        # gRPC asks DNS again only when a connection ends.
        ("grpc.max_connection_age_ms", settings.max_connection_age_seconds * 1000),
        ("grpc.max_connection_age_grace_ms", settings.max_connection_age_grace_seconds * 1000),
    ]
