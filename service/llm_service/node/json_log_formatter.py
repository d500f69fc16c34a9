from __future__ import annotations

import datetime
import json
import logging

# What every record has; the rest was given by the caller as `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLogFormatter(logging.Formatter):
    """Writes a log record as one line of JSON, as CloudWatch Logs Insights reads it."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line: time, level, logger, message, then the record's extra fields."""
        line = {
            "time": datetime.datetime.fromtimestamp(
                record.created, tz=datetime.timezone.utc
            ).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            extra["exception"] = self.formatException(record.exc_info)
        return json.dumps(line | extra, default=str, ensure_ascii=False)
