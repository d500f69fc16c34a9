from pathlib import Path

import torch

_PROC = Path("/proc")
# Where a container sees its own limit.
_CGROUP = Path("/sys/fs/cgroup")


def free_memory_bytes(device: torch.device, proc: Path = _PROC, cgroup: Path = _CGROUP) -> int:
    """Memory that can still be taken on a device, in bytes.

    On a CPU the smaller of what the machine has and what the container's limit leaves.

    Args:
        device: The device.
        proc: Folder of the kernel's process file system.
        cgroup: Folder of the container's control groups, of version 1 or 2.

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
    if (cgroup / "memory").is_dir():  # version 1: Amazon Linux 2 and older hosts
        files = ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes")
        return _left(cgroup, *files, "memory/memory.stat", "total_inactive_file")
    return _left(cgroup, "memory.max", "memory.current", "memory.stat", "inactive_file")


def _left(
    cgroup: Path, limit_file: str, used_file: str, statistics_file: str, droppable_name: str
) -> int | None:
    """What a limit leaves in bytes, or None where there is no limit."""
    try:
        limit = (cgroup / limit_file).read_text(encoding="ascii").strip()
        used = int((cgroup / used_file).read_text(encoding="ascii"))
        statistics = (cgroup / statistics_file).read_text(encoding="ascii").split()
    except OSError:
        return None
    if limit == "max":
        return None
    # Pages of files that can be dropped at any time, such as weights just read, count as used.
    # Version 1 writes no limit as a huge one, which the machine's own memory then undercuts.
    droppable = int(statistics[statistics.index(droppable_name) + 1])
    return max(0, int(limit) - used + droppable)
