from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InstanceType:
    """What a model can use of an EC2 instance type.

    Attributes:
        name: Such as t3.micro.
        memory_gib: Memory of the machine.
        gpu_memory_gib: Memory of its first GPU; 0 without one. The server uses one GPU.
    """

    name: str
    memory_gib: float
    gpu_memory_gib: float = 0

    @property
    def model_memory_gib(self) -> float:
        """Memory that weights and cache have to fit into."""
        return self.gpu_memory_gib or self.memory_gib

    @property
    def has_gpu(self) -> bool:
        """Whether the model runs on a GPU there."""
        return self.gpu_memory_gib > 0


def _family(name: str, sizes: str, smallest_gib: float, gpu_gib: float = 0) -> list[InstanceType]:
    # Within a family each size has twice the memory of the one before.
    return [
        InstanceType(f"{name}.{size}", smallest_gib * 2**step, gpu_gib)
        for step, size in enumerate(sizes.split())
    ]


# EC2's instance type pages, November 2026; x86_64 with at most one GPU that the server uses.
# Ordered by memory, then as listed, so that the first one that fits is the one to propose.
INSTANCE_TYPES: tuple[InstanceType, ...] = tuple(
    sorted(
        [
            *_family("t3", "micro small medium large xlarge 2xlarge", 1),
            *_family("t3a", "micro small medium large xlarge 2xlarge", 1),
            *_family("t2", "micro small medium large xlarge 2xlarge", 1),
            *_family("r6i", "large xlarge 2xlarge 4xlarge 8xlarge", 16),
            *_family("m6i", "large xlarge 2xlarge 4xlarge 8xlarge", 8),
            *_family("m7i", "large xlarge 2xlarge 4xlarge 8xlarge", 8),
            *_family("c6i", "large xlarge 2xlarge 4xlarge 8xlarge", 4),
            *_family("c7i", "large xlarge 2xlarge 4xlarge 8xlarge", 4),
            *_family("g4dn", "xlarge 2xlarge 4xlarge 8xlarge", 16, 16),
            *_family("g5", "xlarge 2xlarge 4xlarge 8xlarge", 16, 24),
            *_family("g6", "xlarge 2xlarge 4xlarge 8xlarge", 16, 24),
            *_family("g6e", "xlarge 2xlarge 4xlarge 8xlarge", 32, 48),
        ],
        key=lambda kind: (kind.has_gpu, kind.model_memory_gib, kind.memory_gib),
    )
)
