import asyncio
import json
import re
import time
from dataclasses import replace
from typing import Any

import pytest

from llm_service.engine.engine_stats import EngineStats
from llm_service.metrics.embedded_metrics import MAX_VALUES, EmbeddedMetrics
from llm_service.metrics.metrics_publisher import MetricsPublisher
from llm_service.metrics.request_metrics import RequestFigures, RequestMetrics
from templates.dashboard import dashboard_body
from templates.naming import METRICS_NAMESPACE

STATS = EngineStats(
    waiting=3,
    waiting_tokens=120,
    running=8,
    cache_usage=0.25,
    cache_capacity_tokens=1024,
    step_count=9,
    last_step_seconds=0.01,
    current_step_seconds=0.0,
    prompt_tokens=200,
    cached_tokens=40,
    completion_tokens=77,
    preemptions=0,
)


def lines(figures: RequestFigures) -> list[dict[str, Any]]:
    metrics = EmbeddedMetrics(METRICS_NAMESPACE, "LlmServiceInfraStack")
    return [json.loads(line) for line in metrics.lines(figures, STATS, 70, 1_700_000_000_000)]


def names_of(line: dict[str, Any]) -> set[str]:
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    return {metric["Name"] for metric in directive["Metrics"]}


def test_one_line_holds_the_counts_and_the_engine_s_state() -> None:
    (line,) = lines(RequestFigures(requests=5, errors=2))
    assert line["StackName"] == "LlmServiceInfraStack"
    assert line["_aws"]["Timestamp"] == 1_700_000_000_000
    assert {name: line[name] for name in names_of(line)} == {
        "Requests": 5,
        "RequestErrors": 2,
        "GeneratedTokens": 70,
        "QueuedRequests": 3,
        "RunningRequests": 8,
        "CacheUtilization": 25.0,
    }


@pytest.mark.parametrize("count", [1, MAX_VALUES, MAX_VALUES + 1, 3 * MAX_VALUES])
def test_no_line_has_more_values_than_cloudwatch_reads_and_none_is_lost(count: int) -> None:
    times = [float(number) for number in range(count)]
    _, *timed = lines(RequestFigures(count, 0, latencies_ms=times, first_tokens_ms=times))
    assert all(len(line["RequestLatency"]) <= MAX_VALUES for line in timed)
    assert [value for line in timed for value in line["RequestLatency"]] == times
    assert [value for line in timed for value in line["TimeToFirstToken"]] == times


def test_the_dashboard_shows_only_metrics_that_somebody_writes() -> None:
    shown = set(re.findall(r'\["LlmService","(\w+)"', dashboard_body()))
    written = set()
    for line in lines(RequestFigures(1, 0, [1.0], [1.0])):
        written |= names_of(line)
    assert len(shown) > 5
    # The node agent's own metric.
    assert shown - written == {"HealthyInstances"}


def test_figures_are_counted_once() -> None:
    metrics = RequestMetrics()
    now = time.monotonic()
    metrics.answered(now - 2, first_message_at=now - 1.5)
    metrics.answered(now - 1, first_message_at=None)
    metrics.failed()
    metrics.abandoned()
    figures = metrics.take()
    assert (figures.requests, figures.errors) == (4, 1)
    assert figures.first_tokens_ms == [500.0]
    assert figures.latencies_ms == [pytest.approx(2000, abs=500), pytest.approx(1000, abs=500)]
    assert metrics.take() == RequestFigures()


async def test_the_publisher_writes_what_is_new_and_the_rest_when_it_ends() -> None:
    state = STATS
    written: list[str] = []
    requests = RequestMetrics()
    publisher = MetricsPublisher(
        EmbeddedMetrics("Space", "stack"), requests, lambda: state, written.append
    )
    publisher.publish()
    state = replace(STATS, completion_tokens=80)
    publisher.publish()
    assert [json.loads(line)["GeneratedTokens"] for line in written] == [77, 3]

    task = asyncio.create_task(publisher.run(interval_seconds=3600))
    await asyncio.sleep(0)
    requests.abandoned()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert json.loads(written[-1])["Requests"] == 1
