from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from llm_service.engine.engine_stats import EngineStats
from llm_service.metrics.request_metrics import RequestFigures

# CloudWatch reads no more values of one metric from one line.
MAX_VALUES = 100

_UNITS = {
    "Requests": "Count",
    "RequestErrors": "Count",
    "GeneratedTokens": "Count",
    "QueuedRequests": "Count",
    "RunningRequests": "Count",
    "CacheUtilization": "Percent",
    "RequestLatency": "Milliseconds",
    "TimeToFirstToken": "Milliseconds",
}


class EmbeddedMetrics:
    """Writes figures as log lines in CloudWatch's embedded metric format.

    The stack's dashboard and alarms read these metrics, so their names are a contract with
    templates/dashboard.py.
    """

    def __init__(self, namespace: str, stack_name: str) -> None:
        """Prepares the format.

        Args:
            namespace: CloudWatch namespace of the metrics.
            stack_name: Value of the dimension StackName.
        """
        self._namespace = namespace
        self._stack_name = stack_name

    def lines(
        self, figures: RequestFigures, stats: EngineStats, generated_tokens: int, timestamp_ms: int
    ) -> list[str]:
        """Returns the lines of one interval, at least one.

        Args:
            figures: What happened to requests in the interval.
            stats: What the engine does now.
            generated_tokens: Number of tokens that were generated in the interval.
            timestamp_ms: Now, in milliseconds since 1970 in UTC.
        """
        single: dict[str, float] = {
            "Requests": figures.requests,
            "RequestErrors": figures.errors,
            "GeneratedTokens": generated_tokens,
            "QueuedRequests": stats.waiting,
            "RunningRequests": stats.running,
            "CacheUtilization": round(100 * stats.cache_usage, 2),
        }
        lines = [self._line(single, timestamp_ms)]
        longest = max(len(figures.latencies_ms), len(figures.first_tokens_ms))
        for start in range(0, longest, MAX_VALUES):
            part = slice(start, start + MAX_VALUES)
            values = {
                "RequestLatency": figures.latencies_ms[part],
                "TimeToFirstToken": figures.first_tokens_ms[part],
            }
            lines.append(
                self._line({name: some for name, some in values.items() if some}, timestamp_ms)
            )
        return lines

    def _line(self, values: Mapping[str, float | Sequence[float]], timestamp_ms: int) -> str:
        directive = {
            "Namespace": self._namespace,
            "Dimensions": [["StackName"]],
            "Metrics": [{"Name": name, "Unit": _UNITS[name]} for name in values],
        }
        return json.dumps(
            {
                "_aws": {"Timestamp": timestamp_ms, "CloudWatchMetrics": [directive]},
                "StackName": self._stack_name,
                **values,
            },
            separators=(",", ":"),
        )
