from pathlib import Path

import pytest
import torch

from llm_service.engine.memory import free_memory_bytes

CPU = torch.device("cpu")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    folder = tmp_path / "proc"
    folder.mkdir()
    (folder / "meminfo").write_text("MemTotal: 16000 kB\nMemAvailable: 9000 kB\n")
    return folder


def make_cgroup(folder: Path, limit: str) -> Path:
    folder.mkdir()
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text("3000000\n")
    (folder / "memory.stat").write_text("anon 500000\ninactive_file 2000000\nactive_file 7\n")
    return folder


def make_cgroup_1(folder: Path, limit: int) -> Path:
    memory = folder / "memory"
    memory.mkdir(parents=True)
    (memory / "memory.limit_in_bytes").write_text(f"{limit}\n")
    (memory / "memory.usage_in_bytes").write_text("3000000\n")
    (memory / "memory.stat").write_text("inactive_file 1\ntotal_inactive_file 2000000\n")
    return folder


def test_without_a_container_it_is_what_the_machine_has(proc: Path, tmp_path: Path) -> None:
    assert free_memory_bytes(CPU, proc, tmp_path / "none") == 9000 * 1024


def test_a_container_without_a_limit_does_not_count(proc: Path, tmp_path: Path) -> None:
    assert free_memory_bytes(CPU, proc, make_cgroup(tmp_path / "cgroup", "max")) == 9000 * 1024


def test_a_containers_limit_counts_without_droppable_pages(proc: Path, tmp_path: Path) -> None:
    cgroup = make_cgroup(tmp_path / "cgroup", "8000000")
    assert free_memory_bytes(CPU, proc, cgroup) == 8_000_000 - 3_000_000 + 2_000_000


def test_a_container_over_its_limit_has_nothing(proc: Path, tmp_path: Path) -> None:
    assert free_memory_bytes(CPU, proc, make_cgroup(tmp_path / "cgroup", "900000")) == 0


def test_control_groups_of_version_1_count_too(proc: Path, tmp_path: Path) -> None:
    cgroup = make_cgroup_1(tmp_path / "cgroup", 8_000_000)
    assert free_memory_bytes(CPU, proc, cgroup) == 8_000_000 - 3_000_000 + 2_000_000


def test_version_1_writes_no_limit_as_a_huge_one(proc: Path, tmp_path: Path) -> None:
    cgroup = make_cgroup_1(tmp_path / "cgroup", 9223372036854771712)
    assert free_memory_bytes(CPU, proc, cgroup) == 9000 * 1024


def test_this_machine_tells() -> None:
    assert free_memory_bytes(CPU) > 0
