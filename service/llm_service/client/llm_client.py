from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from llm.v1 import llm_pb2, llm_pb2_grpc
from llm_service.client.chat_delta import ChatDelta
from llm_service.client.client_credentials import ClientCredentials
from llm_service.client.client_error import ClientError

_SERVICE_NAME = llm_pb2.DESCRIPTOR.services_by_name["LlmService"].full_name
_POLL_INTERVAL_SECONDS = 0.25
_PROBE_TIMEOUT_SECONDS = 2.0
_FINISH_REASON_PREFIX = "FINISH_REASON_"


class LlmClient:
    """Talks to one model server. Needs neither torch nor the model. Use as a context manager."""

    def __init__(self, address: str, credentials: ClientCredentials | None = None) -> None:
        """Prepares a connection; it is made at the first call.

        Args:
            address: `host:port`, or any other target that gRPC resolves.
            credentials: Token and TLS; None is plain text without a token.
        """
        self._address = address
        credentials = credentials or ClientCredentials()
        self._metadata = credentials.metadata
        self._channel = _make_channel(address, credentials)
        self._llm = llm_pb2_grpc.LlmServiceStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)

    def __enter__(self) -> LlmClient:
        """Returns the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the connection."""
        self._channel.close()

    def wait_until_serving(
        self, timeout: float, on_wait: Callable[[float, str], None] | None = None
    ) -> None:
        """Waits until the server has loaded its model.

        Args:
            timeout: The longest wait in seconds.
            on_wait: Called now and then with the seconds waited and what is waited for.

        Raises:
            ClientError: The server does not serve in time.
        """
        start = time.monotonic()
        while (state := self._state()) != "SERVING":
            waited = time.monotonic() - start
            if waited > timeout:
                raise ClientError(f"{self._address}: {state} after {timeout:g} s")
            if on_wait:
                on_wait(waited, state)
            time.sleep(_POLL_INTERVAL_SECONDS)

    def chat_stream(
        self,
        messages: Sequence[llm_pb2.Message],
        sampling: llm_pb2.SamplingParams | None = None,
        timeout: float | None = None,
    ) -> Iterator[ChatDelta]:
        """Asks for the next message of a conversation, piece by piece.

        Closing the iterator early cancels the answer.

        Args:
            messages: The conversation, oldest first.
            sampling: How tokens are chosen; None leaves all to the server.
            timeout: The longest that the answer may take in seconds; None sets no limit.

        Raises:
            ClientError: The server refused or failed.
        """
        request = llm_pb2.ChatStreamRequest(messages=messages, sampling=sampling)
        call = self._llm.ChatStream(request, timeout=timeout, metadata=self._metadata)
        try:
            for response in call:
                yield _to_delta(response)
        except grpc.RpcError as error:
            raise ClientError.from_rpc_error(error, self._address) from error
        finally:
            call.cancel()

    def _state(self) -> str:
        request = health_pb2.HealthCheckRequest(service=_SERVICE_NAME)
        try:
            response = self._health.Check(request, timeout=_PROBE_TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            return f"not reachable ({error.code().name})"
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(response.status))


def _make_channel(address: str, credentials: ClientCredentials) -> grpc.Channel:
    options: list[tuple[str, str | int]] = [
        # A server that starts meanwhile shall be found soon, not after gRPC's two minutes.
        ("grpc.max_reconnect_backoff_ms", 1000),
        ("grpc.keepalive_time_ms", 30_000),
    ]
    if credentials.tls_roots is None:
        return grpc.insecure_channel(address, options=options)
    if credentials.tls_name:
        options.append(("grpc.ssl_target_name_override", credentials.tls_name))
    tls = grpc.ssl_channel_credentials(credentials.tls_roots)
    return grpc.secure_channel(address, tls, options=options)


def _to_delta(response: llm_pb2.ChatStreamResponse) -> ChatDelta:
    if not response.finish_reason:
        return ChatDelta(response.reasoning_delta, response.content_delta)
    name = llm_pb2.FinishReason.Name(response.finish_reason)
    return ChatDelta(
        response.reasoning_delta,
        response.content_delta,
        name.removeprefix(_FINISH_REASON_PREFIX).lower(),
        response.usage.prompt_tokens,
        response.usage.completion_tokens,
    )
