from __future__ import annotations

import logging
from pathlib import Path

import torch
from safetensors import safe_open

from llm_service.models.errors import ModelLoadError

log = logging.getLogger(__name__)

# Weights that leave less than a third of the memory to all else are too large.
_LARGEST_SHARE_OF_MEMORY = 2 / 3
_FLOAT32_BYTES = 4


def choose_device(setting: str) -> torch.device:
    """Returns where the model runs.

    Args:
        setting: DEVICE: `auto`, `cpu` or `cuda`.

    Raises:
        ModelLoadError: `cuda` is asked for and torch finds no GPU.
    """
    if setting == "cuda" and not torch.cuda.is_available():
        raise ModelLoadError(
            "DEVICE=cuda: torch finds no GPU; use DEVICE=auto, or a CUDA build of torch on a "
            "machine with a GPU and its driver"
        )
    use_gpu = setting == "cuda" or (setting == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if use_gpu else "cpu")


def choose_dtype(setting: str, device: torch.device, folder: Path) -> torch.dtype:
    """Returns the type of the weights.

    `auto` on a GPU: bfloat16, or float16 before Ampere, which has no bfloat16 units. On a CPU:
    bfloat16 where it has instructions for it; else float32, which is faster there, as long as the
    weights fit into memory so.

    Args:
        setting: DTYPE: `auto` or a type's name.
        device: Where the model runs.
        folder: The model's folder, with its weights in safetensors files.
    """
    if setting != "auto":
        named: torch.dtype = getattr(torch, setting)
        return named
    if device.type == "cuda":
        has_units = torch.cuda.get_device_capability(device) >= (8, 0)
        return torch.bfloat16 if has_units else torch.float16
    if cpu_has_bfloat16():
        return torch.bfloat16
    needed = count_parameters(folder) * _FLOAT32_BYTES
    if needed > available_memory_bytes() * _LARGEST_SHARE_OF_MEMORY:
        log.info("weights in float32 need %.1f GB, too much here: taking bfloat16", needed / 1e9)
        return torch.bfloat16
    return torch.float32


def cpu_has_bfloat16(cpu_info: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the CPU multiplies bfloat16 itself: AVX512-BF16 or AMX on x86, BF16 on Arm."""
    try:
        lines = cpu_info.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False  # not Linux
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(value.split())
    return False


def count_parameters(folder: Path) -> int:
    """Counts the parameters in a folder's safetensors files from their headers alone."""
    count = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 -- the handle is no mapping
                count += torch.Size(tensors.get_slice(name).get_shape()).numel()
    return count


def available_memory_bytes() -> int:
    """Memory that this process may still take: the machine's, or the container's limit if lower."""
    available = 1 << 62
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            available = int(line.split()[1]) * 1024
    limit = _read("/sys/fs/cgroup/memory.max").strip()
    used = _read("/sys/fs/cgroup/memory.current").strip()
    if limit.isdigit() and used.isdigit():
        available = min(available, int(limit) - int(used))
    return available


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
