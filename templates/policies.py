from __future__ import annotations

from typing import Any

from awacs import (
    autoscaling,
    cloudformation,
    ec2messages,
    ecr,
    logs,
    route53,
    s3,
    secretsmanager,
    servicediscovery,
    ssm,
    ssmmessages,
    sts,
)
from awacs.aws import (
    Action,
    Allow,
    ArnEquals,
    Condition,
    PolicyDocument,
    Principal,
    Statement,
)
from troposphere import GetAtt, If, Ref, Select, Split, Sub, iam

from templates.infra_conditions import HAS_BOUNDARY, HAS_TLS, HAS_TOKENS, HAS_WEIGHTS, when
from templates.naming import DISCOVERY_SERVICE
from templates.operations_parameters import OperationsParameters
from templates.service_parameters import ServiceParameters

_ACCOUNT_ARN = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s"


def allow(actions: list[Action], *resources: Any, condition: Any = None) -> Statement:
    """Returns a statement that allows actions on resources."""
    given = {} if condition is None else {"Condition": Condition(condition)}
    return Statement(Effect=Allow, Action=actions, Resource=list(resources), **given)


def role(name: str, service: str, statements: list[Any], **attributes: Any) -> iam.Role:
    """Returns a role that one AWS service assumes, with its rights inline.

    Inline, so that the rights live exactly as long as the role, and nothing that is deleted
    earlier takes them from what still runs.

    Args:
        name: Logical name.
        service: Principal such as ec2.amazonaws.com.
        statements: Statements of the policy; a When-intrinsic may stand for one.
        attributes: Resource attributes such as Metadata.
    """
    trust = PolicyDocument(
        Version="2012-10-17",
        Statement=[
            Statement(
                Effect=Allow, Action=[sts.AssumeRole], Principal=Principal("Service", service)
            )
        ],
    )
    document = {"Version": "2012-10-17", "Statement": statements}
    return iam.Role(
        name,
        AssumeRolePolicyDocument=trust,
        PermissionsBoundary=when(HAS_BOUNDARY, OperationsParameters.permissions_boundary_arn.ref()),
        Policies=[iam.Policy(PolicyName=name, PolicyDocument=document)],
        **attributes,
    )


def auto_scaling_group_arn() -> Sub:
    """Returns the ARN of the group by its name, with any unique id."""
    return Sub(
        _ACCOUNT_ARN
        % ("autoscaling", "autoScalingGroup:*:autoScalingGroupName/${AWS::StackName}-fleet")
    )


def log_group_statement(log_group: str) -> Statement:
    """Returns what lets a program write streams of a log group, and make no group."""
    return allow([logs.CreateLogStream, logs.PutLogEvents], GetAtt(log_group, "Arn"))


def discovery_statements(actions: list[Action]) -> list[Statement]:
    """Returns what calling Cloud Map about the stack's service takes.

    The condition key bounds the actions to the service: not each of them has always taken its ARN
    as a resource. Cloud Map calls Route 53 with its caller's rights, also for the health checks
    that stand behind a custom health: its permissions reference lists the four for private
    namespaces too. No resource names them before they are made.
    """
    own_service = ArnEquals({"servicediscovery:ServiceArn": GetAtt(DISCOVERY_SERVICE, "Arn")})
    zone = Sub("arn:${AWS::Partition}:route53:::hostedzone/${Namespace.HostedZoneId}")
    health_checks = Sub("arn:${AWS::Partition}:route53:::healthcheck/*")
    return [
        allow(actions, "*", condition=own_service),
        allow(
            [
                route53.ChangeResourceRecordSets,
                route53.DeleteHealthCheck,
                route53.GetHealthCheck,
                route53.GetHostedZone,
                route53.UpdateHealthCheck,
            ],
            zone,
            health_checks,
        ),
        allow(
            [
                route53.CreateHealthCheck,
                route53.ListHostedZonesByName,
                servicediscovery.GetOperation,
            ],
            "*",
        ),
    ]


def instance_statements() -> list[Any]:
    """Returns the rights of an instance: of its user data, node agent and server."""
    return [
        *_image_statements(),
        log_group_statement("LogGroup"),
        *discovery_statements(
            [
                servicediscovery.RegisterInstance,
                servicediscovery.DeregisterInstance,
                servicediscovery.UpdateInstanceCustomHealthStatus,
                servicediscovery.GetInstance,
                servicediscovery.GetInstancesHealthStatus,
                servicediscovery.ListInstances,
            ]
        ),
        *_group_statements(),
        _session_manager_statement(),
        *_optional_statements(),
    ]


def _image_statements() -> list[Statement]:
    repository = Sub(_ACCOUNT_ARN % ("ecr", "repository/${EcrRepositoryName}"))
    return [
        allow([ecr.GetAuthorizationToken], "*"),
        allow(
            [ecr.BatchGetImage, ecr.GetDownloadUrlForLayer],
            repository,
        ),
    ]


def _group_statements() -> list[Statement]:
    return [
        allow([cloudformation.SignalResource], Ref("AWS::StackId")),
        allow(
            [
                autoscaling.CompleteLifecycleAction,
                autoscaling.RecordLifecycleActionHeartbeat,
                autoscaling.SetInstanceHealth,
            ],
            auto_scaling_group_arn(),
        ),
        allow(
            [autoscaling.DescribeAutoScalingGroups, autoscaling.DescribeAutoScalingInstances], "*"
        ),
    ]


def _session_manager_statement() -> Statement:
    # None of these calls names a resource. The managed policy would add ssm:GetParameter on all.
    return allow(
        [
            ssm.UpdateInstanceInformation,
            ssmmessages.CreateControlChannel,
            ssmmessages.CreateDataChannel,
            ssmmessages.OpenControlChannel,
            ssmmessages.OpenDataChannel,
            ec2messages.AcknowledgeMessage,
            ec2messages.GetMessages,
            ec2messages.SendReply,
        ],
        "*",
    )


def _optional_statements() -> list[Any]:
    path = Select(1, Split("s3://", ServiceParameters.weights_location.ref()))
    bucket = Select(2, Split("/", ServiceParameters.weights_location.ref()))
    return [
        when(
            HAS_WEIGHTS,
            allow(
                [s3.GetObject],
                Sub("arn:${AWS::Partition}:s3:::${Path}/*", Path=path),
            ),
        ),
        when(
            HAS_WEIGHTS,
            allow(
                [s3.ListBucket],
                Sub("arn:${AWS::Partition}:s3:::${Bucket}", Bucket=bucket),
            ),
        ),
        _secret_statement(HAS_TLS, ServiceParameters.tls_secret_arn.ref()),
        _secret_statement(HAS_TOKENS, ServiceParameters.token_secret_arn.ref()),
    ]


def _secret_statement(condition: str, arn: Any) -> If:
    return when(condition, allow([secretsmanager.GetSecretValue], arn))
