from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class InstructionSet:
    """Instructions that a build of the kernels uses.

    Attributes:
        name: Part of the library's file name.
        cpu_flags: What the processor has to have, as /proc/cpuinfo spells it.
        compiler_flags: What makes the compiler use it.
    """

    name: str
    cpu_flags: frozenset[str]
    compiler_flags: tuple[str, ...]

    def runs_here(self, cpu_info: Path = Path("/proc/cpuinfo")) -> bool:
        """Whether this machine's processor has it."""
        return self.cpu_flags <= _cpu_flags(cpu_info)


def _cpu_flags(cpu_info: Path) -> frozenset[str]:
    try:
        lines = cpu_info.read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()  # not Linux
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return frozenset(value.split())
    return frozenset()


_AVX2 = frozenset({"avx2", "fma", "f16c", "bmi2"})
_AVX512 = _AVX2 | {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"}

# Best first. AVX512 without BF16 (Skylake, Cascade Lake) gains nothing over AVX2 where memory is
# the limit, and its vector-neural-network instructions do not come with every one of them.
INSTRUCTION_SETS = (
    InstructionSet(
        "amx",
        _AVX512 | {"avx512_bf16", "avx512_vnni", "amx_tile", "amx_bf16", "amx_int8"},
        ("-march=sapphirerapids",),
    ),
    InstructionSet(
        "avx512_bf16",
        _AVX512 | {"avx512_bf16", "avx512_vnni"},
        ("-march=cascadelake", "-mavx512bf16"),
    ),
    InstructionSet("avx2", _AVX2, ("-march=haswell",)),
)
