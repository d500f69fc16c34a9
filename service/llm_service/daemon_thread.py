from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

_Result = TypeVar("_Result")


def run_in_daemon_thread(name: str, work: Callable[[], _Result]) -> asyncio.Future[_Result]:
    """Runs work in a thread that does not hold up the process's end.

    asyncio.to_thread's threads do: the loop waits for them when it closes, also for one that hangs.

    Args:
        name: Name of the thread.
        work: What to run.

    Returns:
        A future of the running loop, with the work's result or exception.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Result] = loop.create_future()

    def settle(finish: Callable[[], None]) -> None:
        if not future.done():  # nobody waits any more after a cancellation
            finish()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 -- handed on, not dropped
            finish = partial(future.set_exception, error)
        else:
            finish = partial(future.set_result, result)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, finish)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
