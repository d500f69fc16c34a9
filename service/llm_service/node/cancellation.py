from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

REPEAT_SECONDS = 0.5


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels tasks and waits for their end; what they return or raise is dropped.

    Cancelled again and again, because up to Python 3.11 `asyncio.wait_for` loses a cancellation
    that comes in the same moment as its result: a loop around it would then go on for ever.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        done, pending = await asyncio.wait(pending, timeout=REPEAT_SECONDS)
        for task in done:
            # Marks an exception as seen.
            if not task.cancelled():
                task.exception()
