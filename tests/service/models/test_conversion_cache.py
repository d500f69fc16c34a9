from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llm_service.models.conversion_cache import ConversionCache
from llm_service.models.errors import ModelLoadError


def fill(folder: Path) -> None:
    (folder / "file").write_text("content")


def fail(folder: Path) -> None:
    fill(folder)
    raise KeyError("half way")


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    cache = ConversionCache(tmp_path / "new" / "cache")
    first = cache.get("key", fill)
    assert (first / "file").read_text() == "content"
    assert cache.get("key", fail) == first


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    cache = ConversionCache(tmp_path)
    with pytest.raises(KeyError):
        cache.get("key", fail)
    assert [path.name for path in tmp_path.iterdir()] in ([], ["key.lock"])
    assert (cache.get("key", fill) / "file").exists()


def test_two_that_start_together_make_it_once(tmp_path: Path) -> None:
    calls = []
    together = threading.Barrier(4)

    def make(folder: Path) -> None:
        calls.append(folder)
        threading.Event().wait(0.2)
        fill(folder)

    def get(_index: int) -> Path:
        together.wait()
        return ConversionCache(tmp_path).get("key", make)

    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(get, range(4)))
    assert folders == {tmp_path / "key"}
    assert len(calls) == 1


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ModelLoadError, match="MODEL_CACHE_DIR="):
        ConversionCache(tmp_path / "file").get("key", fill)
