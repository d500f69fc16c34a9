from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

ERROR_DOMAIN = "llm.v1.LlmService"
"""Domain of every ErrorInfo: reasons are unique within it."""

MODEL_LOADING_RETRY_SECONDS = 5.0


@dataclass(frozen=True)
class FieldViolation:
    """One field of a request with a value that is not accepted.

    Attributes:
        field: Path of the field, for example `sampling.top_p` or `messages[2].role`.
        description: The value and what to send instead. Never a part of a prompt.
    """

    field: str
    description: str


class ApiError(Exception):
    """Ends a call with a status that programs can act on.

    Attributes:
        code: gRPC status code.
        reason: What went wrong, UPPER_SNAKE_CASE, for ErrorInfo.
        message: The same for people, with the remedy.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        *,
        violations: Sequence[FieldViolation] = (),
        metadata: Mapping[str, object] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        """Collects what the caller is told.

        Args:
            code: gRPC status code.
            reason: What went wrong, UPPER_SNAKE_CASE.
            message: The same for people, with the remedy.
            violations: The fields to correct, for BadRequest.
            metadata: Figures that belong to the reason, for ErrorInfo.
            retry_after_seconds: How long to wait before the same request may succeed here; None
                where it never will.
        """
        super().__init__(f"{code.name} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self._violations = tuple(violations)
        self._metadata = dict(metadata or {})
        self._retry_after_seconds = retry_after_seconds

    @classmethod
    def invalid(cls, violations: Sequence[FieldViolation]) -> ApiError:
        """Refuses a request for its fields."""
        listed = "; ".join(f"{v.field}: {v.description}" for v in violations)
        return cls(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", listed, violations=violations)

    @classmethod
    def internal(cls) -> ApiError:
        """Hides what went wrong: an exception's text may hold what is not the caller's to know."""
        return cls(
            grpc.StatusCode.INTERNAL,
            "INTERNAL",
            "the server failed on this request; its log tells why, under the request's id",
        )

    @classmethod
    def loading(cls) -> ApiError:
        """Refuses a call that comes before the model is loaded."""
        return cls(
            grpc.StatusCode.UNAVAILABLE,
            "MODEL_LOADING",
            "the model is still loading: wait until the health service says SERVING",
            retry_after_seconds=MODEL_LOADING_RETRY_SECONDS,
        )

    @classmethod
    def draining(cls) -> ApiError:
        """Refuses or ends a call because this server goes down."""
        return cls(
            grpc.StatusCode.UNAVAILABLE,
            "DRAINING",
            "this server shuts down: retry on another instance",
        )

    @classmethod
    def deadline(cls) -> ApiError:
        """Ends a call whose deadline passed, or cannot be met any more."""
        return cls(
            grpc.StatusCode.DEADLINE_EXCEEDED,
            "DEADLINE",
            "the deadline passed or cannot be met: allow more time or ask for fewer tokens",
        )

    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """Returns google.rpc.Status for the trailers, and how long a client's retry should wait."""
        trailers: list[tuple[str, str | bytes]] = [
            ("grpc-status-details-bin", self._status().SerializeToString())
        ]
        if self._retry_after_seconds is not None:
            milliseconds = max(1, round(self._retry_after_seconds * 1000))
            trailers.append(("grpc-retry-pushback-ms", str(milliseconds)))
        return tuple(trailers)

    def _status(self) -> status_pb2.Status:
        details = [
            error_details_pb2.ErrorInfo(
                reason=self.reason,
                domain=ERROR_DOMAIN,
                metadata={name: str(value) for name, value in self._metadata.items()},
            )
        ]
        if self._violations:
            details.append(
                error_details_pb2.BadRequest(
                    field_violations=[
                        error_details_pb2.BadRequest.FieldViolation(
                            field=v.field, description=v.description
                        )
                        for v in self._violations
                    ]
                )
            )
        if self._retry_after_seconds is not None:
            delay = duration_pb2.Duration()
            delay.FromMilliseconds(max(1, round(self._retry_after_seconds * 1000)))
            details.append(error_details_pb2.RetryInfo(retry_delay=delay))
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in details:
            packed = any_pb2.Any()
            packed.Pack(detail)
            status.details.append(packed)
        return status
