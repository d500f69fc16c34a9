"""The tags that images carry in ECR, and what each of them is for.

`<commit>` names one image for good. `latest` moves with every build. The tags that begin with
`deployed-` move with every deployment of an environment: `-next` before it, `-current` after its
smoke test, `-previous` with the image that served until then. They all share one prefix because
ECR reads several patterns in one lifecycle rule as "has all of them".
"""

from __future__ import annotations

LATEST = "latest"
DEPLOYED_PREFIX = "deployed-"
CUDA_SUFFIX = "-cuda"

# ECR accepts five filters at most.
MOVING_TAGS = (LATEST, LATEST + CUDA_SUFFIX, DEPLOYED_PREFIX + "*")
