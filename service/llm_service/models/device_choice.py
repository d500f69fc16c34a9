from __future__ import annotations

import json
import logging
from pathlib import Path

import torch
from safetensors import safe_open

from llm_service.engine.memory import free_memory_bytes
from llm_service.fast_decoder.decoder_shape import FAMILIES
from llm_service.kernels.errors import KernelUnavailableError
from llm_service.kernels.kernel_library import best_kernel_library
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
    bfloat16 where it has instructions for it, or where our kernels run the model, which read
    half the bytes so on any CPU; else float32, which is faster there, as long as the weights fit
    into memory so.

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
    if cpu_has_bfloat16() or _runs_on_kernels(folder):
        return torch.bfloat16
    needed = count_parameters(folder) * _FLOAT32_BYTES
    if needed > free_memory_bytes(device) * _LARGEST_SHARE_OF_MEMORY:
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


def _runs_on_kernels(folder: Path) -> bool:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        best_kernel_library()
    except (OSError, ValueError, KernelUnavailableError):
        return False
    return not FAMILIES.isdisjoint(config.get("architectures") or ())
