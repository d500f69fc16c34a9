from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.doubles.aws import REGION, Aws

SOURCE = Path(__file__).parents[3] / "templates/assets/deregister.py"


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    double = Aws()
    double.start()
    yield double
    double.stop()


@pytest.fixture
def function(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The Lambda's source, loaded as Lambda does: a file named index, settings from outside."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    spec = importlib.util.spec_from_file_location("index", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    return module
