from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.doubles.tiny_model import make_scripted_model
from tests.doubles.tiny_tokenizer import make_tiny_tokenizer

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that says one thing, as a folder."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = make_tiny_tokenizer(["Good", " day"])
    script = {"<|assistant|>": ("Good", " day")}
    make_scripted_model(tokenizer, script).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def start_demo(model: Path | str) -> subprocess.Popen[str]:
    """Starts the script as make does, in a session of its own."""
    return subprocess.Popen(
        [str(ROOT / "scripts" / "demo")],
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MODEL": str(model),
            "QUESTION": "Hi",
            "CACHE_MEMORY_SHARE": "0.01",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def processes_of(session: int) -> list[str]:
    """Command lines of what runs in a session."""
    listed = subprocess.run(
        ["ps", "-o", "args=", "-s", str(session)], capture_output=True, text=True, check=False
    )
    return listed.stdout.splitlines()


def test_the_demo_prints_an_answer_and_cleans_up(model_folder: Path) -> None:
    demo = start_demo(model_folder)
    stdout, stderr = demo.communicate(timeout=PATIENCE_SECONDS)
    assert (demo.returncode, stdout) == (0, "Good day\n"), stderr
    assert "> Hi" in stderr
    assert "listening on 127.0.0.1" in stderr
    assert "tokens/s]" in stderr
    assert processes_of(demo.pid) == []


def test_a_server_that_dies_fails_the_demo_with_its_log() -> None:
    demo = start_demo("/no/such/model")
    stdout, stderr = demo.communicate(timeout=PATIENCE_SECONDS)
    assert (demo.returncode, stdout) == (1, "")
    assert "the model server ended by itself" in stderr
    assert stderr.count("MODEL_NAME=/no/such/model: no such folder") >= 1
    assert processes_of(demo.pid) == []


def test_an_interrupted_demo_leaves_no_server_behind(model_folder: Path) -> None:
    demo = start_demo(model_folder)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any("llm_service.main" in args for args in processes_of(demo.pid)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    demo.send_signal(signal.SIGTERM)
    demo.communicate(timeout=PATIENCE_SECONDS)
    assert demo.returncode == 143
    assert processes_of(demo.pid) == []
