from __future__ import annotations

import time
from typing import Any


class MeasuredContext:
    """A call's context that notes when the first message of a stream went out.

    Attributes:
        first_message_at: Time of the first message in seconds of `time.monotonic()`; None before.
    """

    def __init__(self, context: Any) -> None:
        """Wraps gRPC's context, which passes through for everything else."""
        self._context = context
        self.first_message_at: float | None = None

    async def write(self, message: Any) -> None:
        """Sends a message of the stream."""
        if self.first_message_at is None:
            self.first_message_at = time.monotonic()
        await self._context.write(message)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
