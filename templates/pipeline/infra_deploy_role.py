from __future__ import annotations

from typing import Any

from awacs import (
    autoscaling,
    awslambda,
    cloudwatch,
    codebuild,
    ec2,
    events,
    logs,
    route53,
    servicediscovery,
    sns,
    ssm,
)
from awacs import (
    iam as iam_actions,
)
from awacs.aws import Action, StringEquals, StringLike
from troposphere import GetAtt, Ref, Sub, Template, iam

from templates.pipeline.findings import accepted
from templates.pipeline.role_boundary import RoleBoundary
from templates.pipeline.statements import ROLE_PATH, allow, arn, document, trust

_NAME = "InfraDeployRole"
_OWN = "${InfraStackName}-*"

# EC2 gives ids, not names, and so do Cloud Map and Route 53: what can be told beforehand is only
# the region. See docs/pipeline.md, "What the deploy roles may do".
_EC2: list[Action] = [
    ec2.AllocateAddress,
    ec2.AssociateRouteTable,
    ec2.AttachInternetGateway,
    ec2.Action("AuthorizeSecurityGroup*"),
    ec2.CreateInternetGateway,
    ec2.Action("CreateLaunchTemplate*"),
    ec2.CreateNatGateway,
    ec2.CreateRoute,
    ec2.CreateRouteTable,
    ec2.CreateSecurityGroup,
    ec2.CreateSubnet,
    ec2.CreateTags,
    ec2.CreateVpc,
    ec2.CreateVpcEndpoint,
    ec2.DeleteInternetGateway,
    ec2.Action("DeleteLaunchTemplate*"),
    ec2.DeleteNatGateway,
    ec2.DeleteRoute,
    ec2.DeleteRouteTable,
    ec2.DeleteSecurityGroup,
    ec2.DeleteSubnet,
    ec2.DeleteTags,
    ec2.DeleteVpc,
    ec2.DeleteVpcEndpoints,
    ec2.Action("Describe*"),
    ec2.DetachInternetGateway,
    ec2.DisassociateAddress,
    ec2.DisassociateRouteTable,
    ec2.Action("GetLaunchTemplate*"),
    ec2.ModifyLaunchTemplate,
    ec2.ModifySubnetAttribute,
    ec2.ModifyVpcAttribute,
    ec2.ModifyVpcEndpoint,
    ec2.ReleaseAddress,
    ec2.ReplaceRoute,
    ec2.ReplaceRouteTableAssociation,
    ec2.Action("RevokeSecurityGroup*"),
    ec2.RunInstances,
    ec2.Action("UpdateSecurityGroupRuleDescriptions*"),
]

_CLOUD_MAP: list[Action] = [
    servicediscovery.CreatePrivateDnsNamespace,
    servicediscovery.CreateService,
    servicediscovery.DeleteNamespace,
    servicediscovery.Action("DeleteService*"),
    servicediscovery.Action("Get*"),
    servicediscovery.Action("List*"),
    servicediscovery.TagResource,
    servicediscovery.UntagResource,
    servicediscovery.UpdatePrivateDnsNamespace,
    servicediscovery.Action("UpdateService*"),
    route53.ChangeResourceRecordSets,
    route53.CreateHostedZone,
    route53.DeleteHostedZone,
    route53.GetHostedZone,
    route53.ListHostedZonesByName,
]

_GROUP: list[Action] = [
    autoscaling.CreateAutoScalingGroup,
    autoscaling.CreateOrUpdateTags,
    autoscaling.Action("Delete*"),
    autoscaling.DisableMetricsCollection,
    autoscaling.EnableMetricsCollection,
    autoscaling.Action("Put*"),
    autoscaling.ResumeProcesses,
    autoscaling.SetDesiredCapacity,
    autoscaling.SuspendProcesses,
    autoscaling.TerminateInstanceInAutoScalingGroup,
    autoscaling.UpdateAutoScalingGroup,
]

_FUNCTION: list[Action] = [
    awslambda.AddPermission,
    awslambda.CreateFunction,
    awslambda.Action("DeleteFunction*"),
    awslambda.Action("Get*"),
    # A custom resource is a call to its function, made with the rights of this role.
    awslambda.InvokeFunction,
    awslambda.ListTags,
    awslambda.Action("PutFunction*"),
    awslambda.RemovePermission,
    awslambda.TagResource,
    awslambda.UntagResource,
    awslambda.Action("UpdateFunction*"),
]

_WATCH: list[Action] = [
    cloudwatch.Action("Delete*"),
    cloudwatch.GetDashboard,
    cloudwatch.ListTagsForResource,
    cloudwatch.PutDashboard,
    cloudwatch.PutMetricAlarm,
    cloudwatch.TagResource,
    cloudwatch.UntagResource,
]

_RULES: list[Action] = [
    events.DeleteRule,
    events.DescribeRule,
    events.Action("List*"),
    events.PutRule,
    events.PutTargets,
    events.RemoveTargets,
    events.TagResource,
    events.UntagResource,
]

_LOGS: list[Action] = [
    logs.CreateLogGroup,
    logs.DeleteLogGroup,
    logs.DeleteMetricFilter,
    logs.DeleteRetentionPolicy,
    logs.ListTagsForResource,
    logs.PutMetricFilter,
    logs.PutRetentionPolicy,
    logs.TagResource,
    logs.UntagResource,
]

_TOPICS: list[Action] = [
    sns.CreateTopic,
    sns.DeleteTopic,
    sns.Action("Get*"),
    sns.Action("List*"),
    sns.Action("Set*"),
    sns.Subscribe,
    sns.TagResource,
    sns.Unsubscribe,
    sns.UntagResource,
]

_ROLES: list[Action] = [
    iam_actions.DeleteRole,
    iam_actions.Action("GetRole*"),
    iam_actions.ListAttachedRolePolicies,
    iam_actions.Action("ListRole*"),
    iam_actions.TagRole,
    iam_actions.UntagRole,
    iam_actions.UpdateAssumeRolePolicy,
    iam_actions.Action("UpdateRole*"),
]

_BOUND_ROLES: list[Action] = [
    iam_actions.AttachRolePolicy,
    iam_actions.CreateRole,
    iam_actions.DeleteRolePolicy,
    iam_actions.DetachRolePolicy,
    iam_actions.PutRolePermissionsBoundary,
    iam_actions.PutRolePolicy,
]

_PROFILES: list[Action] = [
    iam_actions.AddRoleToInstanceProfile,
    iam_actions.CreateInstanceProfile,
    iam_actions.DeleteInstanceProfile,
    iam_actions.GetInstanceProfile,
    iam_actions.RemoveRoleFromInstanceProfile,
]


class InfraDeployRole:
    """The role with which CloudFormation deploys the infrastructure and the smoke test.

    It is kept when the stack is deleted: the infrastructure stack cannot be updated or deleted
    without the role that it was made with. Its rights are inline, so that they are kept with it.

    Attributes:
        arn: The role's ARN.
    """

    def __init__(self, template: Template, boundary: RoleBoundary) -> None:
        self.arn = GetAtt(_NAME, "Arn")
        template.add_resource(
            iam.Role(
                _NAME,
                DeletionPolicy="Retain",
                UpdateReplacePolicy="Retain",
                Path=ROLE_PATH,
                Metadata=accepted(
                    CKV_AWS_111="EC2, Cloud Map and Route 53 name theirs by unforeseeable ids.",
                ),
                Description="CloudFormation takes it to deploy the LLM service's infrastructure.",
                AssumeRolePolicyDocument=trust("cloudformation.amazonaws.com"),
                Policies=[
                    iam.Policy(
                        PolicyName=_NAME,
                        PolicyDocument=document(
                            [
                                *_network_statements(),
                                *_named_statements(),
                                *_role_statements(boundary),
                            ]
                        ),
                    )
                ],
            )
        )


def _network_statements() -> list[Any]:
    here = StringEquals({"aws:RequestedRegion": Ref("AWS::Region")})
    return [
        allow("Network", _EC2, "*", here),
        # Route 53 has no region: the condition on one would refuse every call.
        allow("Discovery", _CLOUD_MAP, "*"),
        allow(
            "Look",
            [
                autoscaling.Action("Describe*"),
                cloudwatch.DescribeAlarms,
                cloudwatch.GetMetricData,
                logs.DescribeLogGroups,
                logs.DescribeMetricFilters,
            ],
            "*",
        ),
        # AMI ids come from parameters: those of AWS, which belong to no account, or own ones.
        allow(
            "MachineImages",
            [ssm.GetParameters],
            [
                Sub("arn:${AWS::Partition}:ssm:${AWS::Region}::parameter/aws/service/*"),
                arn("ssm", "parameter/*"),
            ],
        ),
    ]


def _named_statements() -> list[Any]:
    return [
        allow(
            "Group", _GROUP, arn("autoscaling", f"autoScalingGroup:*:autoScalingGroupName/{_OWN}")
        ),
        allow("Functions", _FUNCTION, arn("lambda", f"function:{_OWN}")),
        allow(
            "Watch",
            _WATCH,
            [
                arn("cloudwatch", f"alarm:{_OWN}"),
                arn("cloudwatch", "dashboard/${InfraStackName}", region=""),
            ],
        ),
        allow("Rules", _RULES, arn("events", f"rule/{_OWN}")),
        allow(
            "Logs",
            _LOGS,
            [
                arn("logs", f"log-group:{_OWN}"),
                arn("logs", "log-group:/llm-service/${InfraStackName}"),
                arn("logs", "log-group:/llm-service/${InfraStackName}:*"),
            ],
        ),
        allow("Topics", _TOPICS, arn("sns", _OWN)),
        allow(
            "SmokeTestProject",
            [
                codebuild.BatchGetProjects,
                codebuild.CreateProject,
                codebuild.DeleteProject,
                codebuild.UpdateProject,
            ],
            arn("codebuild", f"project/{_OWN}"),
        ),
    ]


def _role_statements(boundary: RoleBoundary) -> list[Any]:
    roles = arn("iam", f"role/{_OWN}", region="")
    bounded = StringEquals({"iam:PermissionsBoundary": boundary.arn})
    return [
        allow("Roles", _ROLES, roles),
        allow("BoundedRoles", _BOUND_ROLES, roles, bounded),
        allow("Profiles", _PROFILES, arn("iam", f"instance-profile/{_OWN}", region="")),
        allow(
            "PassOwnRoles",
            [iam_actions.PassRole],
            roles,
            StringEquals(
                {
                    "iam:PassedToService": [
                        "autoscaling.amazonaws.com",
                        "codebuild.amazonaws.com",
                        "ec2.amazonaws.com",
                        "lambda.amazonaws.com",
                    ]
                }
            ),
        ),
        allow(
            "ServiceLinkedRoles",
            [iam_actions.CreateServiceLinkedRole],
            arn("iam", "role/aws-service-role/*", region=""),
            StringLike({"iam:AWSServiceName": ["autoscaling.amazonaws.com", "spot.amazonaws.com"]}),
        ),
    ]
