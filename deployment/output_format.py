from __future__ import annotations

from enum import Enum


class OutputFormat(str, Enum):
    """How a command prints its result on standard output."""

    TEXT = "text"
    JSON = "json"
