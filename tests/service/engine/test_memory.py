"""How much memory the engine thinks it may take, on a machine and in containers of both kinds."""

from pathlib import Path

import pytest
import torch

from llm_service.engine import memory

MIB = 1 << 20


@pytest.fixture
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory, "_machine_memory", lambda _: 8000 * MIB)
    return tmp_path


def write(cgroup: Path, **files: object) -> None:
    for name, content in files.items():
        path = cgroup / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{content}\n")


def write_version_1(cgroup: Path, limit: int) -> None:
    write(
        cgroup,
        memory__memory_dot_limit_in_bytes=limit,
        memory__memory_dot_usage_in_bytes=700 * MIB,
        memory__memory_dot_stat=f"cache 9\ninactive_file 1\ntotal_inactive_file {300 * MIB}",
    )


def write_version_2(cgroup: Path, limit: object) -> None:
    write(
        cgroup,
        memory_dot_max=limit,
        memory_dot_current=700 * MIB,
        memory_dot_stat=f"anon 9\ninactive_file {300 * MIB}\nactive_file 5",
    )


@pytest.mark.parametrize("write_version", [write_version_1, write_version_2])
def test_a_containers_limit_counts_less_what_is_used_and_cannot_be_dropped(
    cgroup: Path, write_version: object
) -> None:
    assert callable(write_version)
    write_version(cgroup, 1024 * MIB)
    assert memory.free_memory_bytes(torch.device("cpu")) == 624 * MIB


def test_no_limit_leaves_what_the_machine_has(cgroup: Path) -> None:
    write_version_2(cgroup, "max")
    assert memory.free_memory_bytes(torch.device("cpu")) == 8000 * MIB


def test_the_huge_limit_that_version_1_writes_for_none_leaves_what_the_machine_has(
    cgroup: Path,
) -> None:
    write_version_1(cgroup, 9223372036854771712)
    assert memory.free_memory_bytes(torch.device("cpu")) == 8000 * MIB


def test_outside_a_container_only_the_machine_counts(cgroup: Path) -> None:
    assert memory.free_memory_bytes(torch.device("cpu")) == 8000 * MIB


def test_a_container_that_is_full_has_nothing_left(cgroup: Path) -> None:
    write_version_1(cgroup, 100 * MIB)
    assert memory.free_memory_bytes(torch.device("cpu")) == 0
