from __future__ import annotations

from typing import Any

from awacs import (
    cloudformation as cloudformation_actions,
)
from awacs import (
    codeconnections,
    codestar_connections,
)
from awacs import (
    iam as iam_actions,
)
from awacs import (
    sns as sns_actions,
)
from awacs.aws import StringEquals
from troposphere import GetAtt, Ref, Sub, Template, codepipeline, iam

from templates.pipeline import build_project, deploy_project, self_update_project
from templates.pipeline.artifact_store import ArtifactStore
from templates.pipeline.code_build_project import CodeBuildProject
from templates.pipeline.conditions import (
    NEEDS_APPROVAL,
    USE_CONNECTION,
    when,
)
from templates.pipeline.notifications import Notifications
from templates.pipeline.source_action import push_trigger
from templates.pipeline.source_parameters import SourceParameters
from templates.pipeline.statements import ROLE_PATH, allow, arn, document, trust

_NAME = "Pipeline"
_ROLE = "PipelineRole"


class DeliveryPipeline:
    """The pipeline itself, and the role by which it runs its actions.

    Attributes:
        name: Logical name of the pipeline.
        role_arn: ARN of its role.
    """

    name = _NAME
    role_arn = GetAtt(_ROLE, "Arn")

    def __init__(
        self,
        template: Template,
        *,
        store: ArtifactStore,
        stages: list[Any],
        deploy_roles: list[Any],
        notifications: Notifications,
    ) -> None:
        """Adds the pipeline.

        Args:
            template: The stack's template.
            store: Where artifacts go.
            stages: The stages in their order.
            deploy_roles: ARNs of the roles that CloudFormation may be given.
            notifications: Where approvals are asked for.
        """
        statements = [
            *store.statements(),
            CodeBuildProject.run_statement(
                "Projects",
                [build_project.SUFFIX, deploy_project.SUFFIX, self_update_project.SUFFIX],
            ),
            *_stack_statements(),
            _pass_statement(deploy_roles),
            when(
                USE_CONNECTION,
                allow(
                    "Connection",
                    [codeconnections.UseConnection, codestar_connections.UseConnection],
                    SourceParameters.connection_arn.ref(),
                ),
            ),
            when(
                NEEDS_APPROVAL,
                allow("AskForApproval", [sns_actions.Publish], notifications.topic),
            ),
        ]
        template.add_resource(
            iam.Role(
                _ROLE,
                Path=ROLE_PATH,
                AssumeRolePolicyDocument=trust("codepipeline.amazonaws.com"),
                Policies=[
                    iam.Policy(PolicyName=_NAME, PolicyDocument=document(statements)),
                ],
            )
        )
        template.add_resource(
            codepipeline.Pipeline(
                _NAME,
                Name=Ref("AWS::StackName"),
                PipelineType="V2",
                # A run never overtakes another in a stage, and a newer one replaces those waiting.
                ExecutionMode="SUPERSEDED",
                # CodePipeline cancels the run that changes the pipeline: start it again.
                RestartExecutionOnUpdate=True,
                RoleArn=self.role_arn,
                ArtifactStore=store.declaration,
                Stages=stages,
                Triggers=when(USE_CONNECTION, [push_trigger()]),
                # Changing the parameter changes the pipeline, and so has its secrets read again.
                Variables=[
                    codepipeline.VariableDeclaration(
                        Name="SECRET_ROTATION",
                        DefaultValue=SourceParameters.secret_rotation.ref(),
                        Description="Rotation of the secrets that the pipeline was last told.",
                    )
                ],
            )
        )

    @staticmethod
    def physical_name() -> Ref:
        """Returns the pipeline's name."""
        return Ref("AWS::StackName")


def _stack_statements() -> list[Any]:
    # DeleteStack is for the deployment mode that replaces a failed stack.
    infra = arn("cloudformation", "stack/${InfraStackName}/*")
    smoke_test = arn("cloudformation", "stack/${InfraStackName}-smoke/*")
    return [
        allow(
            "Deploy",
            [
                cloudformation_actions.CreateChangeSet,
                cloudformation_actions.CreateStack,
                cloudformation_actions.DeleteChangeSet,
                cloudformation_actions.DeleteStack,
                cloudformation_actions.DescribeChangeSet,
                cloudformation_actions.DescribeStackEvents,
                cloudformation_actions.DescribeStacks,
                cloudformation_actions.ExecuteChangeSet,
                cloudformation_actions.UpdateStack,
            ],
            [infra, smoke_test],
        ),
    ]


def _pass_statement(deploy_roles: list[Any]) -> Any:
    return allow(
        "PassDeployRoles",
        [iam_actions.PassRole],
        deploy_roles,
        StringEquals({"iam:PassedToService": "cloudformation.amazonaws.com"}),
    )


def console_url() -> Sub:
    """Returns the address of the pipeline in the console."""
    return Sub(
        "https://${AWS::Region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/"
        "${AWS::StackName}/view?region=${AWS::Region}"
    )
