from __future__ import annotations

import json
from typing import Any


def compact_json(template: dict[str, Any]) -> str:
    """Returns a template as ASCII JSON with one line for each entry of each section.

    CloudFormation takes 51,200 bytes in a request. Indented, LlmServiceInfraStack would have half
    as much again. A line for each parameter and resource lets people find one, and a review see
    which changed; `git diff --word-diff` shows what in it.

    Args:
        template: Plain data: sections by name.
    """
    sections = []
    for name, section in template.items():
        if isinstance(section, dict):
            entries = ",\n".join(f"{_flat(key)}:{_flat(value)}" for key, value in section.items())
            sections.append(f"{_flat(name)}:{{\n{entries}\n}}")
        else:
            sections.append(f"{_flat(name)}:{_flat(section)}")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def _flat(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
