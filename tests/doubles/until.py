from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

# Far above what anything here takes; reached only when the condition never comes.
PATIENCE_SECONDS = 60.0


async def until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Waits for a condition.

    Raises:
        AssertionError: When it did not come in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come"
        await asyncio.sleep(0.02)
