from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.doubles.metadata import Metadata

FORBIDDEN = ("torch", "transformers", "llm_service.engine", "llm_service.api", "llm_service.models")


def run(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "llm_service.node.main"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": "service", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def metadata_double() -> Iterator[Metadata]:
    double = Metadata("i-0123456789abcdef0", "10.0.1.5")
    yield double
    double.stop()


def test_a_wrong_setting_is_named_with_its_value_and_what_to_do() -> None:
    result = run(PROBE_FALL="none")
    assert result.returncode == 2
    assert "CLOUD_MAP_SERVICE_ID: Field required" in result.stderr
    assert "PROBE_FALL" in result.stderr
    assert "'none'" in result.stderr
    assert "docs/discovery.md" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_empty_metadata_answer_is_fatal(metadata_double: Metadata) -> None:
    metadata_double.values["local-ipv4"] = ""
    result = run(CLOUD_MAP_SERVICE_ID="srv-abc", METADATA_ENDPOINT=metadata_double.url)
    assert result.returncode == 1
    [line] = result.stdout.splitlines()
    assert json.loads(line)["reason"] == "local-ipv4 is empty"


def test_imports_nothing_heavy() -> None:
    code = f"""
import sys
import llm_service.node.main
print([name for name in sys.modules if name.startswith({FORBIDDEN!r})])
"""
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": "service"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert result.stdout.strip() == "[]"
