from __future__ import annotations

import asyncio

import pytest

from llm_service.node import cancellation
from llm_service.node.cancellation import cancel_all


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancellation, "REPEAT_SECONDS", 0.05)


async def test_ends_a_loop_that_lost_a_cancellation() -> None:
    losses = 0

    async def loop() -> None:
        nonlocal losses
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                losses += 1
                if losses > 2:
                    raise

    task = asyncio.create_task(loop())
    await asyncio.sleep(0)
    await asyncio.wait_for(cancel_all([task]), 30)
    assert task.cancelled()
    assert losses == 3


async def test_drops_what_they_end_with() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise OSError("closing failed")

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(asyncio.sleep(0, "done"))]
    await asyncio.sleep(0)
    await cancel_all(tasks)
    assert all(task.done() for task in tasks)


async def test_nothing_to_cancel() -> None:
    await cancel_all([])
