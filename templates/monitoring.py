from __future__ import annotations

from typing import Any

from awacs import sns as sns_actions
from awacs.aws import Allow, Condition, PolicyDocument, Principal, Statement, StringEquals
from troposphere import Ref, Sub, Template, cloudwatch, events, logs, sns

from templates.dashboard import dashboard_body
from templates.infra_conditions import HAS_ALARM_EMAIL, when
from templates.naming import METRICS_NAMESPACE, auto_scaling_group_name
from templates.operations_parameters import OperationsParameters
from templates.suppressions import skip_checks

# What a stack ends in when a roll-out failed.
_FAILED_ROLL_OUT = ["CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"]
_FAILED_ROLL_OUT += ["UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"]


class Monitoring:
    """The logs, metrics from logs, alarms and dashboard of the fleet.

    Server and node agent publish their metrics as embedded metrics, which CloudWatch takes from
    their log: docs/infrastructure.md lists them.
    """

    def __init__(self, template: Template) -> None:
        self._template = template
        self._add_log_group()
        self._add_topic()
        self._add_alarms()
        self._add(
            cloudwatch.Dashboard(
                "Dashboard",
                DashboardName=Ref("AWS::StackName"),
                DashboardBody=Sub(dashboard_body()),
            )
        )

    def _add(self, resource: Any) -> None:
        self._template.add_resource(resource)

    def _add_log_group(self) -> None:
        self._add(
            logs.LogGroup(
                "LogGroup",
                LogGroupName=Sub("/llm-service/${AWS::StackName}"),
                RetentionInDays=OperationsParameters.log_retention_days.ref(),
                Metadata=skip_checks(CKV_AWS_158="The service's own key; no prompts."),
            )
        )
        self._count_in_logs("LogErrors", '{($.level="ERROR")||($.level="CRITICAL")}')
        # The node agent's words on leaving.
        self._count_in_logs("SpotInterruptions", '{($.message="leaving")&&($.reason="*spot*")}')

    def _count_in_logs(self, metric: str, pattern: str) -> None:
        self._add(
            logs.MetricFilter(
                f"{metric}Filter",
                LogGroupName=Ref("LogGroup"),
                FilterPattern=pattern,
                MetricTransformations=[
                    logs.MetricTransformation(
                        MetricNamespace=METRICS_NAMESPACE,
                        MetricName=Sub("${AWS::StackName}-" + metric),
                        MetricValue="1",
                    )
                ],
            )
        )

    def _add_topic(self) -> None:
        subscription = sns.Subscription(
            Protocol="email", Endpoint=OperationsParameters.alarm_email.ref()
        )
        self._add(
            sns.Topic(
                "AlarmTopic",
                Subscription=[when(HAS_ALARM_EMAIL, subscription)],
                Metadata=skip_checks(CKV_AWS_26="Alarms cannot use the AWS key."),
            )
        )
        publish = Statement(
            Effect=Allow,
            Principal=Principal("Service", ["cloudwatch.amazonaws.com", "events.amazonaws.com"]),
            Action=[sns_actions.Publish],
            Resource=[Ref("AlarmTopic")],
            Condition=Condition(StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")})),
        )
        self._add(
            sns.TopicPolicy(
                "AlarmTopicPolicy",
                Topics=[Ref("AlarmTopic")],
                PolicyDocument=PolicyDocument(Version="2012-10-17", Statement=[publish]),
            )
        )
        self._add(
            events.Rule(
                "FailedRollOutRule",
                EventPattern={
                    "source": ["aws.cloudformation"],
                    "detail-type": ["CloudFormation Stack Status Change"],
                    "detail": {
                        "stack-id": [Ref("AWS::StackId")],
                        "status-details": {"status": _FAILED_ROLL_OUT},
                    },
                },
                Targets=[events.Target(Id="alarm", Arn=Ref("AlarmTopic"))],
            )
        )

    def _add_alarms(self) -> None:
        self._alarm(
            "NoHealthyInstance",
            _stack_metric("HealthyInstances"),
            threshold=1,
            comparison="LessThanThreshold",
            minutes=3,
            missing="breaching",
        )
        # Each agent publishes 1 or 0, so that the average is the healthy share.
        self._alarm(
            "UnhealthyShare",
            _stack_metric("HealthyInstances"),
            threshold=0.66,
            comparison="LessThanThreshold",
            minutes=10,
            Statistic="Average",
        )
        self._alarm(
            "HighCpu",
            _group_metric("AWS/EC2", "CPUUtilization"),
            threshold=90,
            minutes=15,
            Statistic="Average",
        )
        for name, metric, threshold in (
            ("ManySpotInterruptions", "SpotInterruptions", 2),
            ("ManyLogErrors", "LogErrors", 20),
        ):
            self._alarm(
                name,
                {"Namespace": METRICS_NAMESPACE, "MetricName": Sub("${AWS::StackName}-" + metric)},
                threshold=threshold,
                Period=900,
            )
        self._alarm(
            "DeregisterErrors",
            {
                "Namespace": "AWS/Lambda",
                "MetricName": "Errors",
                "Dimensions": [_dimension("FunctionName", Ref("DeregisterFunction"))],
            },
            threshold=2,
            Period=900,
        )

    def _alarm(
        self,
        name: str,
        metric: dict[str, Any],
        *,
        threshold: float,
        comparison: str = "GreaterThanThreshold",
        minutes: int = 1,
        missing: str = "notBreaching",
        **properties: Any,
    ) -> None:
        """Adds an alarm on a metric's sum; `minutes` is how long in a row it has to be so."""
        properties = {"Statistic": "Sum", "Period": 60, **properties}
        self._add(
            cloudwatch.Alarm(
                name,
                **metric,
                Threshold=threshold,
                ComparisonOperator=comparison,
                EvaluationPeriods=minutes,
                TreatMissingData=missing,
                AlarmActions=[Ref("AlarmTopic")],
                **properties,
            )
        )


def _dimension(name: str, value: Any) -> cloudwatch.MetricDimension:
    return cloudwatch.MetricDimension(Name=name, Value=value)


def _stack_metric(name: str) -> dict[str, Any]:
    return {
        "Namespace": METRICS_NAMESPACE,
        "MetricName": name,
        "Dimensions": [_dimension("StackName", Ref("AWS::StackName"))],
    }


def _group_metric(namespace: str, name: str) -> dict[str, Any]:
    return {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [_dimension("AutoScalingGroupName", auto_scaling_group_name())],
    }
