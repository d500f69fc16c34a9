from __future__ import annotations

from awacs import (
    autoscaling,
    cloudformation,
    cloudwatch,
    codebuild,
    ec2,
    ec2messages,
    ecr,
    logs,
    route53,
    s3,
    secretsmanager,
    servicediscovery,
    ssm,
    ssmmessages,
)
from awacs.aws import Action, PolicyDocument
from troposphere import Ref, Template, iam

from templates.pipeline.findings import accepted
from templates.pipeline.statements import ROLE_PATH, allow

# The most that a role of the service may ever do. A role still needs its own policy; this only
# caps it. Nothing here can make, take or change a role.
_CEILING: list[Action] = [
    autoscaling.CompleteLifecycleAction,
    autoscaling.Action("Describe*"),
    autoscaling.RecordLifecycleActionHeartbeat,
    autoscaling.SetInstanceHealth,
    cloudformation.SignalResource,
    cloudwatch.PutMetricData,
    codebuild.BatchGetBuilds,
    ec2.CreateNetworkInterface,
    ec2.CreateNetworkInterfacePermission,
    ec2.DeleteNetworkInterface,
    ec2.Action("Describe*"),
    ec2messages.Action("*"),
    ecr.BatchCheckLayerAvailability,
    ecr.BatchGetImage,
    ecr.GetAuthorizationToken,
    ecr.GetDownloadUrlForLayer,
    logs.CreateLogStream,
    logs.Action("Describe*"),
    logs.PutLogEvents,
    route53.ChangeResourceRecordSets,
    route53.CreateHealthCheck,
    route53.DeleteHealthCheck,
    route53.Action("Get*"),
    route53.Action("List*"),
    route53.UpdateHealthCheck,
    s3.GetObject,
    s3.ListBucket,
    secretsmanager.GetSecretValue,
    servicediscovery.DeregisterInstance,
    servicediscovery.DiscoverInstances,
    servicediscovery.Action("Get*"),
    servicediscovery.Action("List*"),
    servicediscovery.RegisterInstance,
    servicediscovery.UpdateInstanceCustomHealthStatus,
    ssm.UpdateInstanceInformation,
    ssmmessages.Action("*"),
]


class RoleBoundary:
    """The permissions boundary that every role of the infrastructure stack must carry.

    The deploy role may make roles; without a boundary that would let a template make an
    administrator. It is kept when the stack is deleted, because roles still point to it.

    Attributes:
        arn: Reference to the policy's ARN.
    """

    def __init__(self, template: Template) -> None:
        self.arn = Ref("RoleBoundary")
        template.add_resource(
            iam.ManagedPolicy(
                "RoleBoundary",
                DeletionPolicy="Retain",
                UpdateReplacePolicy="Retain",
                Path=ROLE_PATH,
                Description="The most that a role of the LLM service's infrastructure may do.",
                PolicyDocument=PolicyDocument(
                    Version="2012-10-17", Statement=[allow("Ceiling", _CEILING, "*")]
                ),
                Metadata=accepted(
                    CKV_AWS_108="A boundary grants nothing; it caps what other policies grant.",
                    CKV_AWS_109="A boundary grants nothing.",
                    CKV_AWS_111="A boundary grants nothing.",
                ),
            )
        )
