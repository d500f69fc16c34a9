"""Compiles the kernels: `python -m llm_service.kernels.build`."""

import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from llm_service.kernels.errors import KernelBuildError
from llm_service.kernels.instruction_set import INSTRUCTION_SETS, InstructionSet

SOURCE_FOLDER = Path(__file__).parent / "src"
LIBRARY_FOLDER = Path(__file__).parent / "lib"

_COMPILER_FLAGS = (
    "-std=c++17",
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
        compiler: A C++17 compiler that takes GCC's options, version 12 or later.

    Returns:
        The library.

    Raises:
        KernelBuildError: There is no compiler, or it fails.
    """
    if shutil.which(compiler) is None:
        raise KernelBuildError(f"{compiler} is not installed: install g++ 12 or later")
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / instruction_set.library_name
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
    return library


def is_current(instruction_set: InstructionSet, folder: Path = LIBRARY_FOLDER) -> bool:
    """Whether a library is there that is newer than all sources."""
    library = folder / instruction_set.library_name
    newest = max(path.stat().st_mtime for path in (*SOURCE_FOLDER.iterdir(), Path(__file__)))
    return library.exists() and library.stat().st_mtime >= newest


def main() -> int:
    """Builds for every instruction set what is not up to date."""
    stale = [one for one in INSTRUCTION_SETS if not is_current(one)]
    try:
        with ThreadPoolExecutor(max_workers=2) as pool:
            for library in pool.map(build_kernels, stale):
                print(library)
    except KernelBuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own arguments
    if done.returncode != 0:
        raise KernelBuildError(f"{' '.join(command)} failed:\n{done.stderr.strip()}")


if __name__ == "__main__":
    sys.exit(main())
