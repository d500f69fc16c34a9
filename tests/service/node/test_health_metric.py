from __future__ import annotations

import asyncio
import json
import logging

import pytest

from llm_service.node import health_metric
from llm_service.node.health_metric import HealthMetric
from llm_service.node.health_tracker import HealthTracker
from llm_service.node.json_log_formatter import JsonLogFormatter


def test_is_an_embedded_metric_of_the_stack(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    health = HealthTracker(rise=1, fall=1)
    metric = HealthMetric(health, "LlmService", "LlmServiceInfraStack")
    metric.publish()
    health.observe(None)
    metric.publish()

    lines = [json.loads(JsonLogFormatter().format(record)) for record in caplog.records]
    assert [line["HealthyInstances"] for line in lines] == [0, 1]
    assert lines[0]["StackName"] == "LlmServiceInfraStack"
    assert lines[0]["_aws"]["Timestamp"] > 1_600_000_000_000
    assert lines[0]["_aws"]["CloudWatchMetrics"] == [
        {
            "Namespace": "LlmService",
            "Dimensions": [["StackName"]],
            "Metrics": [{"Name": "HealthyInstances", "Unit": "Count"}],
        }
    ]


def test_without_a_namespace_nothing_is_published(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    HealthMetric(HealthTracker(rise=1, fall=1), "", "stack").publish()
    assert caplog.records == []


async def test_publishes_once_a_period(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(health_metric, "PERIOD_SECONDS", 0.2)
    running = asyncio.create_task(HealthMetric(HealthTracker(1, 1), "LlmService", "s").run())
    while len(caplog.records) < 4:
        await asyncio.sleep(0.01)
    running.cancel()
    periods = [int(record.created / 0.2) for record in caplog.records]
    assert len(set(periods)) == len(periods)
