from pathlib import Path

import torch

_PROC = Path("/proc")
# Where a container sees its own limit: control groups version 2.
_CGROUP = Path("/sys/fs/cgroup")


def free_memory_bytes(device: torch.device, proc: Path = _PROC, cgroup: Path = _CGROUP) -> int:
    """Memory that can still be taken on a device, in bytes.

    On a CPU the smaller of what the machine has and what the container's limit leaves.

    Args:
        device: The device.
        proc: Folder of the kernel's process file system.
        cgroup: Folder of the container's control group.

    Raises:
        OSError: The kernel does not tell.
    """
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free)
    machine = _machine_memory(proc / "meminfo")
    container = _container_memory(cgroup)
    return machine if container is None else min(machine, container)


def _machine_memory(meminfo: Path) -> int:
    for line in meminfo.read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    raise OSError(f"{meminfo} does not tell MemAvailable")


def _container_memory(cgroup: Path) -> int | None:
    try:
        limit = (cgroup / "memory.max").read_text(encoding="ascii").strip()
        used = int((cgroup / "memory.current").read_text(encoding="ascii"))
        statistics = (cgroup / "memory.stat").read_text(encoding="ascii").split()
    except OSError:
        return None
    if limit == "max":
        return None
    # Pages of files that can be dropped at any time, such as weights just read, count as used.
    droppable = int(statistics[statistics.index("inactive_file") + 1])
    return max(0, int(limit) - used + droppable)
