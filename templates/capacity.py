from __future__ import annotations

BURSTABLE_FAMILIES = ("t2", "t3", "t3a")

# x86_64 families with NVIDIA GPUs that current CUDA builds of torch run on.
GPU_FAMILIES = ("g4dn", "g5", "g6", "g6e", "gr6", "p3", "p4d", "p4de", "p5", "p5en")
