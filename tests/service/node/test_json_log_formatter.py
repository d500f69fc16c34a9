from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from llm_service.node.json_log_formatter import JsonLogFormatter


def line(level: int = logging.INFO, **extra: object) -> dict[str, object]:
    record = logging.getLogger("node").makeRecord(
        "node", level, "file", 1, "changed to %s", ("healthy",), None, extra=extra
    )
    text = JsonLogFormatter().format(record)
    assert "\n" not in text
    parsed: dict[str, object] = json.loads(text)
    return parsed


def test_is_one_line_of_json_with_the_fields_given() -> None:
    written = line(reason="two\nlines", path=Path("/x"), count=3)
    assert written["level"] == "INFO"
    assert written["message"] == "changed to healthy"
    assert str(written["time"]).endswith("+00:00")
    assert (written["reason"], written["path"], written["count"]) == ("two\nlines", "/x", 3)


def test_carries_the_exception() -> None:
    try:
        int("why")
    except ValueError:
        info = sys.exc_info()
    record = logging.makeLogRecord({"msg": "failed", "exc_info": info})
    assert (
        "ValueError: invalid literal" in json.loads(JsonLogFormatter().format(record))["exception"]
    )
