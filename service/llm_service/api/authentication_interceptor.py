from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from llm_service.api.api_error import ApiError
from llm_service.api.token_authenticator import TokenAuthenticator

# Load balancers, Docker and the node agent ask for health, and hold no token.
_OPEN = "/grpc.health.v1.Health/"

_REFUSAL = ApiError(
    grpc.StatusCode.UNAUTHENTICATED,
    "TOKEN_REQUIRED",
    "metadata authorization: send 'Bearer ' and a token that this server knows",
)


class AuthenticationInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc] # grpc is untyped
    """Refuses every call without a known token, before its request is read; health stays open."""

    def __init__(self, authenticator: TokenAuthenticator) -> None:
        """Prepares.

        Args:
            authenticator: Knows the tokens.
        """
        self._authenticator = authenticator
        # What it says is the same whatever kind of call it ends.
        self._refuse = grpc.unary_unary_rpc_method_handler(_abort)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """Hands a call on, or to the handler that refuses it."""
        values = [
            value if isinstance(value, str) else value.decode(errors="replace")
            for key, value in handler_call_details.invocation_metadata
            if key == "authorization"
        ]
        is_open = handler_call_details.method.startswith(_OPEN)
        if is_open or self._authenticator.accepts(values):
            return await continuation(handler_call_details)
        return self._refuse


async def _abort(_request: Any, context: grpc.aio.ServicerContext) -> None:
    await context.abort(_REFUSAL.code, _REFUSAL.message, _REFUSAL.trailing_metadata())
