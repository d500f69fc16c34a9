from __future__ import annotations

from pathlib import Path

from llm_service.node.server_log import TAIL_BYTES, ServerLog


def test_gives_the_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("\n".join(f"line {number}" for number in range(100)) + "\n")
    assert ServerLog(path).last_lines(2) == ["line 98", "line 99"]


def test_reads_only_the_end_of_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("".join(f"{number:07d}\n" for number in range(100_000)))
    lines = ServerLog(path).last_lines(10_000)
    assert lines[-1] == "0099999"
    assert len(lines) == TAIL_BYTES // 8 - 1
    assert all(len(line) == 7 for line in lines)


def test_survives_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_bytes(b"\xff\xfe broken\n")
    assert "broken" in ServerLog(path).last_lines(5)[0]


def test_says_why_it_cannot_be_read(tmp_path: Path) -> None:
    [line] = ServerLog(tmp_path / "none").last_lines(5)
    assert "cannot be read" in line


def test_is_empty_without_a_file() -> None:
    assert ServerLog(None).last_lines(5) == []
