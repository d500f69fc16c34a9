from __future__ import annotations

from awacs import sns as sns_actions
from awacs.aws import (
    Allow,
    ArnEquals,
    Condition,
    PolicyDocument,
    Principal,
    Statement,
)
from troposphere import GetAtt, Ref, Sub, Template, events, sns

from templates.pipeline.conditions import HAS_EMAIL
from templates.pipeline.findings import accepted
from templates.pipeline.operations_parameters import PipelineOperationsParameters

_MESSAGE = (
    '"Stage <stage> of pipeline <pipeline> failed (run <run>). See'
    " https://${AWS::Region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/<pipeline>"
    '/view?region=${AWS::Region}"'
)


class Notifications:
    """The topic that hears of failed stages and of approvals that wait.

    Attributes:
        topic: Reference to the topic's ARN.
    """

    def __init__(self, template: Template, pipeline_name: Sub) -> None:
        self.topic = Ref("PipelineTopic")
        template.add_resource(
            sns.Topic(
                "PipelineTopic",
                Metadata=accepted(
                    CKV_AWS_26="Carries names of stages only; EventBridge cannot publish to a topic"
                    " under the key that AWS manages for SNS.",
                ),
            )
        )
        template.add_resource(
            sns.SubscriptionResource(
                "PipelineSubscription",
                Condition=HAS_EMAIL,
                TopicArn=self.topic,
                Protocol="email",
                Endpoint=PipelineOperationsParameters.notification_email.ref(),
            )
        )
        template.add_resource(self._rule(pipeline_name))
        template.add_resource(self._policy())

    def _rule(self, pipeline_name: Sub) -> events.Rule:
        return events.Rule(
            "FailedStageRule",
            Description="Tells of every failed stage.",
            EventPattern={
                "source": ["aws.codepipeline"],
                "detail-type": ["CodePipeline Stage Execution State Change"],
                "detail": {"pipeline": [pipeline_name], "state": ["FAILED"]},
            },
            Targets=[
                events.Target(
                    Id="topic",
                    Arn=self.topic,
                    InputTransformer=events.InputTransformer(
                        InputPathsMap={
                            "pipeline": "$.detail.pipeline",
                            "run": "$.detail.execution-id",
                            "stage": "$.detail.stage",
                        },
                        InputTemplate=Sub(_MESSAGE),
                    ),
                )
            ],
        )

    def _policy(self) -> sns.TopicPolicy:
        return sns.TopicPolicy(
            "PipelineTopicPolicy",
            Topics=[self.topic],
            PolicyDocument=PolicyDocument(
                Version="2012-10-17",
                Statement=[
                    Statement(
                        Sid="FailedStages",
                        Effect=Allow,
                        Principal=Principal("Service", "events.amazonaws.com"),
                        Action=[sns_actions.Publish],
                        Resource=[self.topic],
                        Condition=Condition(
                            ArnEquals({"aws:SourceArn": GetAtt("FailedStageRule", "Arn")})
                        ),
                    )
                ],
            ),
        )
