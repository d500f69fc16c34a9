"""Compiles the kernels: `python -m llm_service.kernels.build`."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

from llm_service.kernels.errors import KernelBuildError
from llm_service.kernels.instruction_set import INSTRUCTION_SETS, InstructionSet

SOURCE_FOLDER = Path(__file__).parent / "src"
LIBRARY_FOLDER = Path(__file__).parent / "lib"

_COMPILER_FLAGS = (
    "-std=c++20",
    "-O3",
    "-fopenmp",
    "-fPIC",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-Werror",
    # GCC 12 says both of its own intrinsics.
    "-Wno-uninitialized",
    "-Wno-maybe-uninitialized",
)


def build_kernels(
    instruction_set: InstructionSet, folder: Path = LIBRARY_FOLDER, compiler: str = "g++"
) -> Path:
    """Compiles the kernels for one instruction set, which this machine need not have.

    The library is not linked with an OpenMP runtime: it takes the one that torch has loaded, so
    that both share their threads.

    Args:
        instruction_set: What to compile for.
        folder: Where the library goes.
        compiler: A C++20 compiler that takes GCC's options, version 12 or later.

    Returns:
        The library.

    Raises:
        KernelBuildError: There is no compiler, or it fails.
    """
    if shutil.which(compiler) is None:
        raise KernelBuildError(f"{compiler} is not installed: install g++ 12 or later")
    folder.mkdir(parents=True, exist_ok=True)
    library = library_path(instruction_set, folder)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        objects = []
        for source in sorted(SOURCE_FOLDER.glob("*.cpp")):
            objects.append(Path(temporary) / f"{source.stem}.o")
            flags = (*_COMPILER_FLAGS, *instruction_set.compiler_flags)
            _run(compiler, *flags, "-c", str(source), "-o", str(objects[-1]))
        linked = Path(temporary) / library.name
        _run(compiler, "-shared", *map(str, objects), "-o", str(linked))
        # In one step: another process may load it meanwhile.
        linked.replace(library)
    for old in folder.glob(f"{_library_stem(instruction_set)}-*.so"):
        if old != library:
            old.unlink(missing_ok=True)
    return library


def library_path(instruction_set: InstructionSet, folder: Path = LIBRARY_FOLDER) -> Path:
    """Where the library of these very sources is, or would be.

    Its name tells the sources apart: a library of other ones would read other structures.
    Where the sources are left out, as in the container image, any library is of the right ones.
    """
    if not SOURCE_FOLDER.is_dir():
        return next(folder.glob(f"{_library_stem(instruction_set)}-*.so"), folder / "not-built.so")
    return folder / f"{_library_stem(instruction_set)}-{_source_digest()}.so"


def main() -> int:
    """Builds what is missing, for every instruction set."""
    missing = [one for one in INSTRUCTION_SETS if not library_path(one).exists()]
    if missing:
        print("compiling the kernels, which takes about half a minute", file=sys.stderr)
    try:
        with ThreadPoolExecutor(max_workers=2) as pool:
            for library in pool.map(build_kernels, missing):
                print(library)
    except KernelBuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _library_stem(instruction_set: InstructionSet) -> str:
    return f"libllm_kernels_{instruction_set.name}"


@cache
def _source_digest() -> str:
    digest = hashlib.sha256()
    for path in (*sorted(SOURCE_FOLDER.iterdir()), Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own arguments
    if done.returncode != 0:
        raise KernelBuildError(f"{' '.join(command)} failed:\n{done.stderr.strip()}")


if __name__ == "__main__":
    sys.exit(main())
