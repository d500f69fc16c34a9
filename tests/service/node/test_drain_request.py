from __future__ import annotations

import asyncio
from pathlib import Path

from llm_service.node.drain_request import DrainRequest


async def test_waits_until_the_request_is_carried_out(tmp_path: Path) -> None:
    path = tmp_path / "drain"
    request = DrainRequest(path)
    request.send()
    waiting = asyncio.create_task(request.await_stop(30))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    path.unlink()
    assert await waiting


async def test_gives_up_when_nobody_acts(tmp_path: Path) -> None:
    request = DrainRequest(tmp_path / "drain")
    request.send()
    assert not await request.await_stop(0.3)


async def test_a_host_without_the_directory_does_not_stop_the_agent(tmp_path: Path) -> None:
    request = DrainRequest(tmp_path / "missing" / "drain")
    request.send()
    assert await request.await_stop(5)


def test_takes_an_old_request_back(tmp_path: Path) -> None:
    path = tmp_path / "drain"
    request = DrainRequest(path)
    request.send()
    request.withdraw()
    request.withdraw()
    assert not path.exists()
