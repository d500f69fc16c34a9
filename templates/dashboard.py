from __future__ import annotations

import json
from typing import Any

from templates.naming import METRICS_NAMESPACE

_STACK = "${AWS::StackName}"
_GROUP = f"{_STACK}-fleet"


def dashboard_body() -> str:
    """Returns the dashboard as text for Fn::Sub.

    No widget has a position: CloudWatch puts them side by side in this order.
    """
    widgets = [
        _widget("Requests", "Sum", _stack("Requests", "RequestErrors")),
        _widget("Queue and running", "Average", _stack("QueuedRequests", "RunningRequests")),
        _widget(
            "Tokens/s",
            "Sum",
            [
                [{"expression": "tokens/PERIOD(tokens)", "label": "generated"}],
                [*_stack("GeneratedTokens")[0], {"id": "tokens", "visible": False}],
            ],
        ),
        _widget("Latency, 99 %", "p99", _stack("RequestLatency", "TimeToFirstToken")),
        _widget("Cache use in %", "Maximum", _stack("CacheUtilization")),
        _widget(
            "Fleet",
            "Average",
            [
                ["AWS/AutoScaling", "GroupInServiceInstances", "AutoScalingGroupName", _GROUP],
                [*_stack("HealthyInstances")[0], {"stat": "Sum"}],
                [
                    "AWS/EC2",
                    "CPUUtilization",
                    "AutoScalingGroupName",
                    _GROUP,
                    {"yAxis": "right"},
                ],
            ],
        ),
    ]
    return json.dumps({"widgets": widgets}, separators=(",", ":"))


def _stack(*names: str) -> list[list[Any]]:
    return [[METRICS_NAMESPACE, name, "StackName", _STACK] for name in names]


def _widget(title: str, statistic: str, metrics: list[list[Any]]) -> dict[str, Any]:
    return {
        "type": "metric",
        "properties": {
            "title": title,
            "region": "${AWS::Region}",
            "stat": statistic,
            "metrics": metrics,
        },
    }
