from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from llm_service.node import watchdog
from llm_service.node.watchdog import EXIT_CODE, Watchdog


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "CHECK_SECONDS", 0.02)


def test_notices_the_loop_that_stands_still() -> None:
    hung = threading.Event()
    dog = Watchdog({"probe": 3600, "registration": 0.1}, hung.set)
    dog.start()
    assert hung.wait(30)


def test_is_content_while_every_loop_turns() -> None:
    hung = threading.Event()
    dog = Watchdog({"probe": 30}, hung.set)
    dog.start()
    for _ in range(20):
        dog.beat("probe")
        time.sleep(0.01)
    dog.stop()
    assert not hung.is_set()


def test_ends_with_what_it_watches() -> None:
    hung = threading.Event()
    dog = Watchdog({"probe": 0.2}, hung.set)
    dog.start()
    dog.stop()
    assert not hung.wait(0.5)


def test_ends_a_process_that_hangs_and_shows_where() -> None:
    code = """
import time
from llm_service.node import watchdog
watchdog.CHECK_SECONDS = 0.05
watchdog.Watchdog({"probe": 0.1}).start()
def stuck_here():
    time.sleep(600)
stuck_here()
"""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": "service"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == EXIT_CODE
    assert "stuck_here" in result.stderr
