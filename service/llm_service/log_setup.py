from __future__ import annotations

import json
import logging
import sys
import time
from typing import Literal


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON, which CloudWatch Logs can query by field."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line: time (UTC, ISO 8601), level, logger, message and the error, if any."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry: dict[str, object] = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def set_up_logging(level: str, log_format: Literal["plain", "json"]) -> None:
    """Sends every log record of this process to standard error.

    Args:
        level: Least severe level, as logging spells it in lower case.
        log_format: `json` for one object a line, `plain` for people.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter()
        if log_format == "json"
        else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Clients' libraries tell every request at INFO.
    for chatty in ("httpx", "urllib3", "filelock", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.root.level))
