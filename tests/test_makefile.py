"""`make` alone lists every target with a line each, and the README's commands exist."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def listed() -> dict[str, str]:
    # Without what `make test` hands down: a make inside a make announces its folder.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment.pop("MFLAGS", None)
    result = subprocess.run(
        ["make"], cwd=ROOT, check=True, capture_output=True, text=True, env=environment
    )
    lines = [line.split(maxsplit=2) for line in result.stdout.splitlines()]
    return {name: description for _, name, description in lines}


def phony() -> set[str]:
    text = (ROOT / "Makefile").read_text()
    declared = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert declared
    return set(declared[1].split())


def test_make_alone_lists_every_target_with_a_line_each() -> None:
    assert set(listed()) == phony()
    assert all(len(description) > 10 for description in listed().values())


def test_the_targets_that_people_are_told_of_exist() -> None:
    promised = {"demo", "test", "lint", "templates", "serve", "image", "bench"}
    assert promised <= set(listed())


def test_every_make_command_in_the_documents_is_a_target() -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    named = {
        name
        for document in documents
        for name in re.findall(r"`make ([a-z-]+)", document.read_text())
        + re.findall(r"^make ([a-z-]+)", document.read_text(), re.MULTILINE)
    }
    assert "demo" in named
    assert named <= set(listed())
