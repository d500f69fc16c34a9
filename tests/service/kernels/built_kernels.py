import shutil
from functools import cache

import pytest

from llm_service.kernels.build import build_kernels, library_path
from llm_service.kernels.instruction_set import INSTRUCTION_SETS
from llm_service.kernels.kernel_library import KernelLibrary

NAMES = [one.name for one in INSTRUCTION_SETS]


@cache
def built_kernels(name: str) -> KernelLibrary:
    """The kernels of an instruction set, compiled where that has not happened yet."""
    (instruction_set,) = (one for one in INSTRUCTION_SETS if one.name == name)
    if not instruction_set.runs_here():
        pytest.skip(f"this processor has no {name}")
    if not library_path(instruction_set).exists():
        if shutil.which("g++") is None:
            pytest.skip("the kernels are not built, and there is no g++")
        build_kernels(instruction_set)
    return KernelLibrary(instruction_set)
