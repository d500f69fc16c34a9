"""What watches the fleet, and what it watches."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from llm_service.node.health_metric import HealthMetric
from llm_service.node.health_tracker import HealthTracker
from llm_service.node.json_log_formatter import JsonLogFormatter
from llm_service.node.leave_reason import LeaveReason
from templates.naming import METRICS_NAMESPACE

STACK = "LlmServiceInfraStack"
TOPIC = f"arn:aws:sns:eu-west-1:123456789012:{STACK.lower()}-alarmtopic"
DOCS = Path(__file__).parents[3] / "docs/infrastructure.md"


@pytest.fixture(scope="module")
def alarms(deploy: Any) -> dict[str, Any]:
    found: dict[str, Any] = deploy().of_type("AWS::CloudWatch::Alarm")
    return found


def test_what_can_go_wrong_has_an_alarm(alarms: dict[str, Any]) -> None:
    assert set(alarms) == {
        "DeregisterErrors",
        "HighCpu",
        "ManyLogErrors",
        "ManySpotInterruptions",
        "NoHealthyInstance",
        "UnhealthyShare",
    }
    assert all(alarm["AlarmActions"] == [TOPIC] for alarm in alarms.values())


def test_silence_of_every_agent_is_an_alarm_too(alarms: dict[str, Any]) -> None:
    alarm = alarms["NoHealthyInstance"]
    assert alarm["TreatMissingData"] == "breaching"
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Sum", 1)
    assert alarm["ComparisonOperator"] == "LessThanThreshold"
    # The others must not speak when there is nothing to count.
    others = [alarm for name, alarm in alarms.items() if name != "NoHealthyInstance"]
    assert all(alarm["TreatMissingData"] == "notBreaching" for alarm in others)


def test_the_metric_of_health_is_the_one_that_agents_publish(
    alarms: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        HealthMetric(HealthTracker(1, 1), METRICS_NAMESPACE, STACK).publish()
    line = json.loads(JsonLogFormatter().format(caplog.records[-1]))
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    for name in ("NoHealthyInstance", "UnhealthyShare"):
        assert alarms[name]["Namespace"] == directive["Namespace"]
        assert alarms[name]["MetricName"] == directive["Metrics"][0]["Name"]
        assert alarms[name]["Dimensions"] == [{"Name": "StackName", "Value": line["StackName"]}]


def test_counted_lines_are_ones_that_are_written(deploy: Any) -> None:
    filters = deploy().of_type("AWS::Logs::MetricFilter")
    spot = filters["SpotInterruptionsFilter"]["FilterPattern"]
    message, reason = re.findall(r'"([^"]+)"', spot)
    source = (Path(__file__).parents[3] / "service/llm_service/node/departure.py").read_text()
    assert f'logger.info("{message}"' in source
    assert reason.strip("*") in LeaveReason.SPOT.value
    others = [one for one in LeaveReason if one is not LeaveReason.SPOT]
    assert not any(reason.strip("*") in one.value for one in others)


def test_alarms_count_what_the_filters_count(deploy: Any, alarms: dict[str, Any]) -> None:
    counted = {
        transformation["MetricName"]
        for one in deploy().of_type("AWS::Logs::MetricFilter").values()
        for transformation in one["MetricTransformations"]
        if transformation["MetricNamespace"] == METRICS_NAMESPACE
    }
    assert {alarms[name]["MetricName"] for name in ("ManyLogErrors", "ManySpotInterruptions")} == (
        counted
    )


def test_a_failed_roll_out_is_told(deploy: Any) -> None:
    deployed = deploy()
    rule = deployed.properties("FailedRollOutRule")
    assert rule["EventPattern"]["detail"]["stack-id"] == [
        deployed.resolver.resolve({"Ref": "AWS::StackId"})
    ]
    statuses = rule["EventPattern"]["detail"]["status-details"]["status"]
    assert {"UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"} <= set(statuses)
    assert not any(status in statuses for status in ("UPDATE_COMPLETE", "CREATE_COMPLETE"))
    assert [target["Arn"] for target in rule["Targets"]] == [TOPIC]


def test_alarms_and_events_of_this_account_may_publish(deploy: Any) -> None:
    (statement,) = deploy().properties("AlarmTopicPolicy")["PolicyDocument"]["Statement"]
    assert set(statement["Principal"]["Service"]) == {
        "cloudwatch.amazonaws.com",
        "events.amazonaws.com",
    }
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_an_address_subscribes_only_when_given(deploy: Any) -> None:
    assert deploy().properties("AlarmTopic")["Subscription"] == []
    (subscription,) = deploy(AlarmEmail="ops@example.com").properties("AlarmTopic")["Subscription"]
    assert subscription == {"Protocol": "email", "Endpoint": "ops@example.com"}


def test_every_log_is_kept_for_as_long_as_asked(deploy: Any) -> None:
    groups = deploy(LogRetentionDays="7").of_type("AWS::Logs::LogGroup")
    assert len(groups) == 2
    assert {group["RetentionInDays"] for group in groups.values()} == {"7"}


@pytest.fixture(scope="module")
def dashboard(deploy: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(deploy().properties("Dashboard")["DashboardBody"])
    return body


def test_the_dashboard_shows_service_and_fleet(dashboard: dict[str, Any]) -> None:
    titles = [widget["properties"]["title"] for widget in dashboard["widgets"]]
    assert titles == [
        "Requests",
        "Queue and running",
        "Tokens/s",
        "Latency, 99 %",
        "Cache use in %",
        "Fleet",
    ]
    for widget in dashboard["widgets"]:
        assert widget["properties"]["region"] == "eu-west-1"
        assert widget["properties"]["metrics"]
    text = json.dumps(dashboard)
    assert "${" not in text
    assert f'"{STACK}-fleet"' in text


def test_the_documentation_lists_every_metric_of_ours(dashboard: dict[str, Any]) -> None:
    names = {
        metric[1]
        for widget in dashboard["widgets"]
        for metric in widget["properties"]["metrics"]
        if metric[0] == METRICS_NAMESPACE
    }
    assert "HealthyInstances" in names
    text = DOCS.read_text()
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_the_documentation_has_a_remedy_for_every_alarm(alarms: dict[str, Any]) -> None:
    text = DOCS.read_text()
    assert [name for name in sorted(alarms) if f"`{name}`" not in text] == []
