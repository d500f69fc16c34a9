from __future__ import annotations

from troposphere import Ref, Sub, Template, logs, sns

from templates.infra_conditions import HAS_ALARM_EMAIL, when
from templates.operations_parameters import OperationsParameters


class Monitoring:
    """The logs, alarms and dashboard of the fleet."""

    def __init__(self, template: Template) -> None:
        template.add_resource(
            logs.LogGroup(
                "LogGroup",
                LogGroupName=Sub("/llm-service/${AWS::StackName}"),
                RetentionInDays=OperationsParameters.log_retention_days.ref(),
            )
        )
        template.add_resource(
            sns.Topic(
                "AlarmTopic",
                Subscription=[
                    when(
                        HAS_ALARM_EMAIL,
                        sns.Subscription(
                            Protocol="email", Endpoint=OperationsParameters.alarm_email.ref()
                        ),
                    )
                ],
            )
        )
        self.topic = Ref("AlarmTopic")
