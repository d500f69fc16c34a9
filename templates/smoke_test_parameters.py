from __future__ import annotations

from templates.parameter import Parameter
from templates.parameter_group import ParameterGroup
from templates.pipeline.build_parameters import BuildParameters
from templates.pipeline.operations_parameters import PipelineOperationsParameters

_HEADING = "Smoke test"


class SmokeTestParameters(ParameterGroup):
    """Where the smoke test runs and what it calls; the pipeline fills all of it in."""

    heading = _HEADING

    vpc_id = Parameter(
        name="VpcId",
        group=_HEADING,
        label="VPC",
        description="VPC of the infrastructure stack.",
        type="AWS::EC2::VPC::Id",
    )
    subnet_ids = Parameter(
        name="SubnetIds",
        group=_HEADING,
        label="Private subnets",
        description="Subnets with a way to ECR.",
        type="List<AWS::EC2::Subnet::Id>",
    )
    security_group_id = Parameter(
        name="SecurityGroupId",
        group=_HEADING,
        label="Security group of clients",
        description="Members may call the service.",
        type="AWS::EC2::SecurityGroup::Id",
    )
    service_address = Parameter(
        name="ServiceAddress",
        group=_HEADING,
        label="Address of the service",
        description="Host and port under which clients in the VPC find the service.",
        allowed_pattern=r"^[\w.-]+:\d{1,5}$",
        constraint="host:port such as llm.llm-service:50051.",
    )
    ecr_repository_name = Parameter(
        name="EcrRepositoryName",
        group=_HEADING,
        label="ECR repository",
        description="Repository in this account and region that holds the image.",
        default="llm-service",
        allowed_pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$",
        constraint="A repository's name, not its address: llm-service.",
        max_length=256,
    )
    permissions_boundary_arn = Parameter(
        name="PermissionsBoundaryArn",
        group=_HEADING,
        label="Permissions boundary",
        description="Policy that bounds the role of the test; empty for none.",
        default="",
        allowed_pattern=r"^(arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+)?$",
        constraint="Empty, or the ARN of a managed policy.",
    )
    build_image = Parameter(
        name="BuildImage",
        group=_HEADING,
        label="CodeBuild image",
        description=BuildParameters.image.description,
        default=BuildParameters.image.default,
        allowed_pattern=BuildParameters.image.allowed_pattern,
        constraint=BuildParameters.image.constraint,
    )
    log_retention_days = Parameter(
        name="LogRetentionDays",
        group=_HEADING,
        label="Days to keep logs",
        description="Logs of the smoke tests.",
        type="Number",
        default=PipelineOperationsParameters.log_retention_days.default,
        allowed_values=PipelineOperationsParameters.log_retention_days.allowed_values,
    )
