"""Walks a template with the path of every value, as cfn-lint wants it in a match."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Path = list[str | int]


def walk(value: Any, path: Path | None = None) -> Iterator[tuple[Path, Any]]:
    """Yields the path and value of everything below `value`, itself included."""
    here = path or []
    yield here, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, [*here, key])
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(item, [*here, index])


def referred(value: Any) -> str | None:
    """Returns the logical name that a Ref or Fn::GetAtt names, or None for anything else."""
    if isinstance(value, dict) and len(value) == 1:
        if "Ref" in value:
            return str(value["Ref"])
        target = value.get("Fn::GetAtt")
        if isinstance(target, list) and target:
            return str(target[0])
        if isinstance(target, str):
            return target.split(".")[0]
    return None


def as_list(value: Any) -> list[Any]:
    """Returns a list as it is, nothing as no items, and anything else as one item."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
