from __future__ import annotations

import asyncio
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_service.node import health_metric
from llm_service.node.health_metric import HealthMetric, seconds_to_next_minute_middle
from llm_service.node.health_tracker import HealthTracker
from llm_service.node.json_log_formatter import JsonLogFormatter
from tests.doubles.until import until


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


@given(now=st.floats(0, 4e9))
def test_publishes_in_the_middle_of_each_minute(now: float) -> None:
    seconds = seconds_to_next_minute_middle(now)
    assert 0 < seconds <= 60
    assert (now + seconds) % 60 == pytest.approx(30, abs=1e-3)


async def test_goes_on_publishing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(health_metric, "PERIOD_SECONDS", 0.02)
    running = asyncio.create_task(HealthMetric(HealthTracker(1, 1), "LlmService", "s").run())
    await until(lambda: len(caplog.records) >= 3)
    running.cancel()
