from __future__ import annotations

from templates.cicd_pipeline import LlmServiceCicdPipelineStack
from templates.infra import LlmServiceInfraStack
from templates.smoke_test import LlmServiceSmokeTestStack
from templates.stack import Stack

# The third one is deployed by the pipeline only: docs/pipeline.md, "The smoke test".
ALL_STACKS: tuple[type[Stack], ...] = (
    LlmServiceInfraStack,
    LlmServiceCicdPipelineStack,
    LlmServiceSmokeTestStack,
)
