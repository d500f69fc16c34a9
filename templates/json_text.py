from __future__ import annotations

import json
from typing import Any

LINE_WIDTH = 120


def to_json_text(value: Any) -> str:
    """Returns ASCII JSON in short lines and without indentation.

    Indented, LlmServiceInfraStack would not fit into the 51,200 bytes that CloudFormation takes in
    a request. Line breaks cost little, and keep a review's differences small: what fits on a line
    stands on one, and anything else has a line for each item.

    Args:
        value: Plain data: dict, list, str, int, float, bool or None.
    """
    flat = json.dumps(value, separators=(",", ":"))
    if not isinstance(value, dict | list) or len(flat) <= LINE_WIDTH:
        return flat
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}:{to_json_text(item)}" for key, item in value.items()]
        opening, closing = "{", "}"
    else:
        items = [to_json_text(item) for item in value]
        opening, closing = "[", "]"
    return opening + "\n" + ",\n".join(items) + "\n" + closing
