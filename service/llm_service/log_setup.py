from __future__ import annotations

import logging
import sys
from typing import Literal

from llm_service.node.json_log_formatter import JsonLogFormatter


def set_up_logging(level: str, log_format: Literal["plain", "json"]) -> None:
    """Sends every log record of this process to standard error.

    Args:
        level: Least severe level, as logging spells it in lower case.
        log_format: `json` for one object a line, `plain` for people.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonLogFormatter()
        if log_format == "json"
        else logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Clients' libraries tell every request at INFO.
    for chatty in ("httpx", "urllib3", "filelock", "asyncio"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.root.level))
