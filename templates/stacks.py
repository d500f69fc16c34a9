from __future__ import annotations

import importlib.util

from templates.infra import LlmServiceInfraStack
from templates.stack import Stack

ALL_STACKS: tuple[type[Stack], ...] = (LlmServiceInfraStack,)

if importlib.util.find_spec("templates.cicd_pipeline") is not None:
    from templates.cicd_pipeline import LlmServiceCicdPipelineStack

    ALL_STACKS += (LlmServiceCicdPipelineStack,)
