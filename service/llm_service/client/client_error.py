from __future__ import annotations

import grpc


class ClientError(Exception):
    """A call failed; the text says how, and what to do where that is known."""

    @classmethod
    def from_rpc_error(cls, error: grpc.RpcError, address: str) -> ClientError:
        """Tells what a status of gRPC means to whoever called."""
        return cls(f"{address}: {error.code().name}: {error.details()}")
