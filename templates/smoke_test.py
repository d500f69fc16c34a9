from __future__ import annotations

from typing import Any

from awacs import ec2 as ec2_actions
from awacs import ecr as ecr_actions
from awacs import logs as logs_actions
from awacs.aws import StringEquals
from troposphere import (
    Equals,
    GetAtt,
    If,
    Not,
    NoValue,
    Output,
    Ref,
    Sub,
    codebuild,
    iam,
    logs,
)

from templates.parameter import Parameter
from templates.pipeline.code_build_project import CodeBuildProject
from templates.pipeline.findings import accepted
from templates.pipeline.statements import allow, arn, document, trust
from templates.smoke_test_parameters import SmokeTestParameters
from templates.stack import Stack

_HAS_BOUNDARY = "HasPermissionsBoundary"
_NAME = "SmokeTest"

# The image under test brings its own client, so nothing has to be installed from inside the VPC.
_BUILDSPEC = """\
version: 0.2
env:
  shell: bash
phases:
  build:
    commands:
      - >-
        aws ecr get-login-password |
        docker login --username AWS --password-stdin "${ECR_REPOSITORY_URI%%/*}"
      - >-
        answer=$(docker run --rm --network host "$ECR_REPOSITORY_URI:$IMAGE_TAG"
        python -m llm_service.client "Say hello." --address "$SERVICE_ADDRESS"
        --max-tokens 16 --wait "$WAIT_SECONDS" --timeout 120)
        && printf 'The service answered - %s\\n' "$answer" && test -n "$answer"
"""


class LlmServiceSmokeTestStack(Stack):
    """A CodeBuild project inside the service's VPC that asks the service one question.

    It is a stack of its own because its network belongs to the infrastructure stack, which does
    not exist yet when the pipeline stack is made.
    """

    name = "LlmServiceSmokeTestStack"
    description = "LLM service: asks the service one question from inside its VPC."

    def build(self) -> None:
        """Adds the project, its role and its log group."""
        self.add_parameters(SmokeTestParameters.all())
        boundary = SmokeTestParameters.permissions_boundary_arn
        self.template.add_condition(_HAS_BOUNDARY, Not(Equals(boundary.ref(), "")))
        self.template.add_resource(
            logs.LogGroup(
                f"{_NAME}Logs",
                RetentionInDays=SmokeTestParameters.log_retention_days.ref(),
                Metadata=accepted(
                    CKV_AWS_158="Encrypted by the service's own key; holds one answer."
                ),
            )
        )
        self.template.add_resource(_role(boundary))
        self.template.add_resource(_project())
        self.template.add_output(
            Output("ProjectName", Description="The project to start.", Value=Ref(_NAME))
        )


def _role(boundary: Parameter) -> iam.Role:
    return iam.Role(
        f"{_NAME}Role",
        AssumeRolePolicyDocument=trust("codebuild.amazonaws.com"),
        PermissionsBoundary=If(_HAS_BOUNDARY, boundary.ref(), NoValue),
        Policies=[
            iam.Policy(
                PolicyName=_NAME,
                PolicyDocument=document(
                    [
                        allow(
                            "WriteLogs",
                            [logs_actions.CreateLogStream, logs_actions.PutLogEvents],
                            GetAtt(f"{_NAME}Logs", "Arn"),
                        ),
                        allow("EcrLogin", [ecr_actions.GetAuthorizationToken], "*"),
                        allow(
                            "PullImage",
                            [
                                ecr_actions.BatchCheckLayerAvailability,
                                ecr_actions.BatchGetImage,
                                ecr_actions.GetDownloadUrlForLayer,
                            ],
                            arn("ecr", "repository/${EcrRepositoryName}"),
                        ),
                        *_network_statements(),
                    ]
                ),
            )
        ],
    )


def _network_statements() -> list[Any]:
    # CodeBuild puts the build's network interface into the VPC with this role's rights.
    return [
        allow(
            "LookAtNetwork",
            [
                ec2_actions.DescribeDhcpOptions,
                ec2_actions.DescribeNetworkInterfaces,
                ec2_actions.DescribeSecurityGroups,
                ec2_actions.DescribeSubnets,
                ec2_actions.DescribeVpcs,
            ],
            "*",
        ),
        allow(
            "OwnInterface",
            [ec2_actions.CreateNetworkInterface, ec2_actions.DeleteNetworkInterface],
            [
                arn("ec2", "network-interface/*"),
                arn("ec2", "security-group/${SecurityGroupId}"),
                arn("ec2", "subnet/*"),
            ],
        ),
        allow(
            "LendInterfaceToCodeBuild",
            [ec2_actions.CreateNetworkInterfacePermission],
            arn("ec2", "network-interface/*"),
            StringEquals({"ec2:AuthorizedService": "codebuild.amazonaws.com"}),
        ),
    ]


def _project() -> codebuild.Project:
    return codebuild.Project(
        _NAME,
        # The pipeline starts it by this name.
        Name=Sub("${AWS::StackName}-test"),
        Description="Asks the LLM service one question from inside its VPC.",
        ServiceRole=GetAtt(f"{_NAME}Role", "Arn"),
        Source=codebuild.Source(Type="NO_SOURCE", BuildSpec=_BUILDSPEC),
        Artifacts=codebuild.Artifacts(Type="NO_ARTIFACTS"),
        Environment=codebuild.Environment(
            Type="LINUX_CONTAINER",
            ComputeType="BUILD_GENERAL1_SMALL",
            Image=SmokeTestParameters.build_image.ref(),
            PrivilegedMode=True,
            EnvironmentVariables=CodeBuildProject.variables(
                {
                    "ECR_REPOSITORY_URI": Sub(
                        "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}"
                        "/${EcrRepositoryName}"
                    ),
                    "IMAGE_TAG": "latest",
                    "WAIT_SECONDS": "300",
                    "SERVICE_ADDRESS": SmokeTestParameters.service_address.ref(),
                }
            ),
        ),
        VpcConfig=codebuild.VpcConfig(
            VpcId=SmokeTestParameters.vpc_id.ref(),
            Subnets=SmokeTestParameters.subnet_ids.ref(),
            SecurityGroupIds=[SmokeTestParameters.security_group_id.ref()],
        ),
        LogsConfig=codebuild.LogsConfig(
            CloudWatchLogs=codebuild.CloudWatchLogs(Status="ENABLED", GroupName=Ref(f"{_NAME}Logs"))
        ),
        TimeoutInMinutes=15,
        Metadata=accepted(CKV_AWS_316="Runs the image under test, which takes a Docker engine."),
    )
