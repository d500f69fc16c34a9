from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from templates.cicd_pipeline import LlmServiceCicdPipelineStack
from tests.templates.pipeline.rendering import Rendering

CONNECTION = (
    "arn:aws:codeconnections:eu-west-1:123456789012:connection/01234567-89ab-cdef-0123-456789abcdef"
)


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    text: dict[str, Any] = json.loads(LlmServiceCicdPipelineStack().to_json())
    return text


@pytest.fixture(scope="session")
def render(template: dict[str, Any]) -> Callable[..., Rendering]:
    def rendering(**parameters: str) -> Rendering:
        return Rendering(template, **{"GitHubOwner": "someone", **parameters})

    return rendering
