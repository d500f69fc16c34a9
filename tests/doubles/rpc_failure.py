from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2, status_pb2


class RpcFailure:
    """What a client sees of a call that failed.

    Attributes:
        code: gRPC status code.
        message: Its text.
        trailers: Trailing metadata.
        reason: ErrorInfo's reason; empty without one.
        metadata: ErrorInfo's metadata.
        fields: BadRequest's violations: description by field.
        retry_seconds: RetryInfo's delay; None without one.
    """

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self.code: grpc.StatusCode = error.code()
        self.message: str = error.details()
        self.trailers = dict(error.trailing_metadata())
        self.reason = ""
        self.metadata: dict[str, str] = {}
        self.fields: dict[str, str] = {}
        self.retry_seconds: float | None = None
        status = status_pb2.Status.FromString(self.trailers.get("grpc-status-details-bin", b""))
        assert status.code in (0, self.code.value[0])
        for detail in status.details:
            self._read(detail)

    def _read(self, detail: Any) -> None:
        info = error_details_pb2.ErrorInfo()
        bad_request = error_details_pb2.BadRequest()
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            assert info.domain == "llm.v1.LlmService"
            self.reason, self.metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad_request):
            self.fields = {v.field: v.description for v in bad_request.field_violations}
        elif detail.Unpack(retry):
            self.retry_seconds = retry.retry_delay.ToTimedelta().total_seconds()


async def failure_of(call: Awaitable[object]) -> RpcFailure:
    """Awaits a call that must fail, and returns how it did."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return RpcFailure(caught.value)
