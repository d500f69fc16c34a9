from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from llm_service.models.errors import ModelLoadError
from llm_service.models.gguf_parts import GgufParts


def install(site: Path, name: str, files: dict[str, bytes], requires: tuple[str, ...] = ()) -> None:
    """Lays out a package's files and metadata as pip does."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
    for path, content in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(content)
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in files))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def test_parts_of_several_packages_make_one_file(site: Path, tmp_path: Path) -> None:
    # Installed out of order, in folders whose names do not tell the order either.
    install(site, "tiny-gguf", {"tiny/__init__.py": b"1/0"}, ("tiny-z==1.0", "tiny-a", "extra; x"))
    install(site, "tiny-a", {"tiny_a/data/tiny.gguf.part01": b"second"})
    install(site, "tiny-z", {"tiny_z/data/tiny.gguf.part00": b"first "})
    parts = GgufParts.from_package("tiny-gguf")
    assert parts.name == "tiny.gguf"
    assert parts.sha256() == hashlib.sha256(b"first second").hexdigest()
    (tmp_path / "whole").mkdir()
    assert parts.assemble(tmp_path / "whole").read_bytes() == b"first second"


def test_a_whole_file_is_used_where_it_lies(site: Path, tmp_path: Path) -> None:
    install(site, "whole-gguf", {"whole/model.gguf": b"all of it"})
    parts = GgufParts.from_package("whole-gguf")
    assert parts.assemble(tmp_path) == site / "whole/model.gguf"


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(ModelLoadError, match="pip install no-such-package"):
        GgufParts.from_package("no-such-package")


@pytest.mark.parametrize("files", [{}, {"a/x.gguf": b"", "a/y.gguf": b""}])
def test_a_package_must_carry_exactly_one_file(site: Path, files: dict[str, bytes]) -> None:
    install(site, "odd-gguf", files)
    with pytest.raises(ModelLoadError, match="exactly one GGUF file, found"):
        GgufParts.from_package("odd-gguf")
