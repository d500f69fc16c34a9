"""What each role of the pipeline may do, and what none of them may."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from templates.cicd_pipeline import LlmServiceCicdPipelineStack
from templates.infra import LlmServiceInfraStack
from templates.pipeline.deploy_parameters import DeployParameters
from templates.smoke_test import LlmServiceSmokeTestStack
from tests.iam.evaluator import Evaluator
from tests.iam.resolver import ACCOUNT, REGION
from tests.templates.pipeline.conftest import CONNECTION

PIPELINE = LlmServiceCicdPipelineStack().to_dict()
INFRA = LlmServiceInfraStack().to_dict()
SMOKE_TEST = LlmServiceSmokeTestStack().to_dict()

STACK = "LlmServiceCicdPipelineStack"
OWN = "LlmServiceInfraStack"
PATH = f"llm-service-pipeline/{STACK}"

# Permissions that CloudFormation's handlers list for properties that our stacks do not use, or that
# are withheld on purpose.
NOT_NEEDED: dict[str, str] = {
    "autoscaling:Attach": "no load balancer",
    "autoscaling:Detach": "no load balancer",
    "autoscaling:CancelInstanceRefresh": "rolling update, no instance refresh",
    "autoscaling:StartInstanceRefresh": "rolling update, no instance refresh",
    "ec2:AcceptAddressTransfer": "addresses are allocated, not transferred",
    "ec2:AssignPrivateNatGatewayAddress": "public NAT gateways only",
    "ec2:AssociateAddress": "addresses go to NAT gateways, not to instances",
    "ec2:AssociateNatGatewayAddress": "one address a gateway",
    "ec2:AssociateSubnetCidrBlock": "no IPv6",
    "ec2:AttachVpnGateway": "no VPN",
    "ec2:CreateVpcEncryptionControl": "not used",
    "ec2:DetachVpnGateway": "no VPN",
    "ec2:DisassociateNatGatewayAddress": "one address a gateway",
    "ec2:DisassociateSubnetCidrBlock": "no IPv6",
    "ec2:Get*": "the group's handler asks for all; launch templates are what it reads",
    "ec2:ModifyVpcTenancy": "default tenancy",
    "ec2:UnassignPrivateNatGatewayAddress": "public NAT gateways only",
    "elasticfilesystem:": "no file system",
    "elasticloadbalancing:": "no load balancer",
    "firehose:": "no delivery stream",
    "iam:DeleteRolePermissionsBoundary": "withheld: a role must never lose its boundary",
    "kms:": "the services' own keys",
    "lambda:AssociateRuntimeAlias": "not used",
    "lambda:PassCapacityProvider": "not used",
    "lambda:PublishVersion": "no versions",
    "lambda:PutRuntimeManagementConfig": "not used",
    "logs:AssociateKmsKey": "the service's own key",
    "logs:CreateLogDelivery": "no delivery",
    "logs:DeleteDataProtectionPolicy": "not used",
    "logs:DeleteIndexPolicy": "not used",
    "logs:DeleteResourcePolicy": "not used",
    "logs:DescribeIndexPolicies": "not used",
    "logs:DescribeResourcePolicies": "not used",
    "logs:DisassociateKmsKey": "the service's own key",
    "logs:GetDataProtectionPolicy": "not used",
    "logs:PutBearerTokenAuthentication": "not used",
    "logs:PutDataProtectionPolicy": "not used",
    "logs:PutIndexPolicy": "not used",
    "logs:PutLogGroupDeletionProtection": "not used",
    "logs:PutResourcePolicy": "not used",
    "managed-fleets:": "no managed fleet",
    "s3:GetObject": "function code is inline",
    "s3:REST.PUT.OBJECT": "no delivery",
    "s3files:": "no file system",
    "sns:PutDataProtectionPolicy": "not used",
    "ssm:Get*": "ssm:GetParameters on the machine images' parameters is what it takes",
    "vpc-lattice:": "no lattice",
    "vpce:": "no other regions",
}


def evaluator(**parameters: str) -> Evaluator:
    return Evaluator(PIPELINE, {"GitHubOwner": "someone", **parameters}, STACK)


EVALUATOR = evaluator()
BOUNDARY = EVALUATOR.resolver.resolve({"Ref": "RoleBoundary"})
BOUND = {"iam:PermissionsBoundary": BOUNDARY}
HERE = {"aws:RequestedRegion": REGION}


def arn(service: str, resource: str, region: str = REGION) -> str:
    return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def sample_arns(stack: str) -> list[str]:
    """ARNs as resources of a stack get them, one of each kind that has a name to be told by."""
    return [
        "*",
        arn("autoscaling", f"autoScalingGroup:0a1b:autoScalingGroupName/{stack}-fleet"),
        arn("cloudwatch", f"alarm:{stack}-Alarm-1A2B"),
        arn("cloudwatch", f"dashboard/{stack}", region=""),
        arn("codebuild", f"project/{stack}-smoke-test"),
        arn("events", f"rule/{stack}-Rule-1A2B"),
        arn("iam", f"instance-profile/{stack}-Profile-1A2B", region=""),
        arn("iam", f"role/{stack}-Role-1A2B", region=""),
        arn("iam", "role/aws-service-role/autoscaling.amazonaws.com/X", region=""),
        arn("lambda", f"function:{stack}-Function-1A2B"),
        arn("logs", f"log-group:{stack}-Logs-1A2B:*"),
        arn("logs", f"log-group:/llm-service/{stack}:*"),
        arn("sns", f"{stack}-Topic-1A2B"),
    ]


def handler_permissions(kind: str, handlers: tuple[str, ...]) -> set[str]:
    """What CloudFormation's own registry says a resource type's handlers call."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    declared = schema.get("handlers") or {}
    return {
        permission
        for handler in handlers
        for permission in (declared.get(handler) or {}).get("permissions", [])
    }


def types_of(*templates: dict[str, Any]) -> list[str]:
    kinds = {
        resource["Type"] for template in templates for resource in template["Resources"].values()
    }
    return sorted(
        kind for kind in kinds if not kind.startswith(("Custom::", "AWS::CloudFormation::"))
    )


def is_allowed(role: str, action: str, arns: list[str]) -> bool:
    contexts = [
        {
            **HERE,
            **BOUND,
            "iam:PassedToService": service,
            "iam:AWSServiceName": "autoscaling.amazonaws.com",
        }
        for service in ("ec2.amazonaws.com", "codebuild.amazonaws.com")
    ]
    return any(
        EVALUATOR.allows(role, action, resource, context)
        for resource in arns
        for context in contexts
    )


@pytest.mark.parametrize("kind", types_of(INFRA, SMOKE_TEST))
def test_the_deploy_role_can_make_change_and_delete_what_its_stacks_hold(kind: str) -> None:
    needed = handler_permissions(kind, ("create", "read", "update", "delete"))
    missing = [
        action
        for action in sorted(needed)
        if not action.startswith(tuple(NOT_NEEDED))
        and not is_allowed("InfraDeployRole", action.replace("*", "Any"), sample_arns(OWN))
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        # CloudFormation has no registry entry for projects that names its calls.
        ("codebuild:CreateProject", arn("codebuild", f"project/{OWN}-smoke-test")),
        ("codebuild:UpdateProject", arn("codebuild", f"project/{OWN}-smoke-test")),
        ("codebuild:DeleteProject", arn("codebuild", f"project/{OWN}-smoke-test")),
        # A custom resource is a call to its function.
        ("lambda:InvokeFunction", arn("lambda", f"function:{OWN}-DeregisterFunction-1A2B")),
        (
            "ssm:GetParameters",
            f"arn:aws:ssm:{REGION}::parameter/aws/service/ami-amazon-linux-latest/x",
        ),
        ("autoscaling:TerminateInstanceInAutoScalingGroup", sample_arns(OWN)[1]),
        ("ec2:RunInstances", "*"),
    ],
)
def test_the_deploy_role_can_do_what_no_handler_lists(action: str, resource: str) -> None:
    assert EVALUATOR.allows("InfraDeployRole", action, resource, HERE)


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        ("iam:CreateRole", arn("iam", f"role/{OWN}-Role-1", ""), {}),
        ("iam:CreateRole", arn("iam", "role/Other", ""), BOUND),
        ("iam:PutRolePolicy", arn("iam", f"role/{OWN}-Role-1", ""), {}),
        ("iam:PutRolePolicy", arn("iam", f"role/{PATH}/{STACK}-InfraDeployRole-1", ""), BOUND),
        (
            "iam:AttachRolePolicy",
            arn("iam", f"role/{OWN}-Role-1", ""),
            {"iam:PermissionsBoundary": "x"},
        ),
        ("iam:DeleteRolePermissionsBoundary", arn("iam", f"role/{OWN}-Role-1", ""), BOUND),
        ("iam:CreatePolicyVersion", BOUNDARY, {}),
        ("iam:DeletePolicy", BOUNDARY, {}),
        ("iam:CreateUser", arn("iam", "user/x", ""), {}),
        (
            "iam:PassRole",
            arn("iam", f"role/{OWN}-Role-1", ""),
            {"iam:PassedToService": "glue.amazonaws.com"},
        ),
        (
            "iam:PassRole",
            arn("iam", "role/Admin", ""),
            {"iam:PassedToService": "ec2.amazonaws.com"},
        ),
        (
            "iam:CreateServiceLinkedRole",
            arn("iam", "role/aws-service-role/x", ""),
            {"iam:AWSServiceName": "organizations.amazonaws.com"},
        ),
        ("ec2:CreateVpc", "*", {"aws:RequestedRegion": "us-east-1"}),
        ("ec2:CreateKeyPair", "*", HERE),
        ("ec2:DeleteVolume", "*", HERE),
        ("lambda:InvokeFunction", arn("lambda", "function:Other"), {}),
        ("lambda:UpdateFunctionCode", arn("lambda", f"function:{OWN}Prod-Function-1"), {}),
        ("s3:DeleteBucket", "arn:aws:s3:::anything", {}),
        (
            "secretsmanager:GetSecretValue",
            arn("secretsmanager", "secret:deepseek-llm-service-pat-AbCdEf"),
            {},
        ),
        ("ecr:BatchDeleteImage", arn("ecr", "repository/llm-service"), {}),
        ("logs:DeleteLogGroup", arn("logs", "log-group:/aws/other:*"), {}),
        ("codebuild:StartBuild", arn("codebuild", f"project/{OWN}-smoke-test"), {}),
    ],
)
def test_the_deploy_role_can_not(action: str, resource: str, context: dict[str, str]) -> None:
    assert not EVALUATOR.allows("InfraDeployRole", action, resource, context)


def test_what_outlives_the_stack_is_kept() -> None:
    for name in ("InfraDeployRole", "RoleBoundary"):
        resource = PIPELINE["Resources"][name]
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    # Inline, so that the kept role keeps its rights.
    assert PIPELINE["Resources"]["InfraDeployRole"]["Properties"]["Policies"]


@pytest.mark.parametrize("template", [PIPELINE, SMOKE_TEST], ids=["pipeline", "smoke test"])
def test_every_role_is_taken_by_one_service_for_this_account_only(template: dict[str, Any]) -> None:
    resolver = Evaluator(template, None, STACK).resolver
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::IAM::Role":
            continue
        (statement,) = resolver.resolve(resource["Properties"]["AssumeRolePolicyDocument"])[
            "Statement"
        ]
        assert list(statement["Principal"]) == ["Service"], name
        assert isinstance(statement["Principal"]["Service"], str), name
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}, name


@pytest.mark.parametrize(
    ("template", "stack"), [(INFRA, OWN), (SMOKE_TEST, f"{OWN}-smoke")], ids=["infra", "smoke test"]
)
def test_the_boundary_takes_nothing_that_a_role_needs(template: dict[str, Any], stack: str) -> None:
    ceiling = EVALUATOR.resolver.resolve(
        PIPELINE["Resources"]["RoleBoundary"]["Properties"]["PolicyDocument"]
    )
    bounded = Evaluator(
        {
            "Resources": {
                "Ceiling": {
                    "Type": "AWS::IAM::Role",
                    "Properties": {"Policies": [{"PolicyDocument": ceiling}]},
                }
            }
        }
    )
    values = {name: "x" for name, p in template["Parameters"].items() if "Default" not in p}
    secrets = {
        name: arn("secretsmanager", "secret:x-AbCdEf")
        for name in ("TlsSecretArn", "TokenSecretArn")
        if name in template["Parameters"]
    }
    weights = {"WeightsLocation": "s3://bucket/prefix"} if secrets else {}
    roles = Evaluator(template, {**values, **secrets, **weights}, stack)
    for role in roles.roles():
        for document in roles.documents(role):
            for statement in document["Statement"]:
                for action in statement["Action"]:
                    assert bounded.allows("Ceiling", action.replace("*", "Any")), (
                        f"{role}: {action}"
                    )


@pytest.mark.parametrize(
    "action",
    [
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "iam:PassRole",
        "sts:AssumeRole",
        "organizations:LeaveOrganization",
        "ecr:PutImage",
        "ec2:RunInstances",
        "s3:PutObject",
        "kms:Decrypt",
        "lambda:UpdateFunctionCode",
    ],
)
def test_the_boundary_stops(action: str) -> None:
    (statement,) = PIPELINE["Resources"]["RoleBoundary"]["Properties"]["PolicyDocument"][
        "Statement"
    ]
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {"Policies": [{"PolicyDocument": {"Statement": [statement]}}]},
    }
    assert not Evaluator({"Resources": {"Ceiling": role}}).allows("Ceiling", action)


def test_the_pipeline_passes_its_deploy_role_and_only_to_cloudformation() -> None:
    deploy_role = EVALUATOR.resolver.resolve({"Fn::GetAtt": ["InfraDeployRole", "Arn"]})
    to_cloudformation = {"iam:PassedToService": "cloudformation.amazonaws.com"}
    assert EVALUATOR.allows("PipelineRole", "iam:PassRole", deploy_role, to_cloudformation)
    assert not EVALUATOR.allows(
        "PipelineRole", "iam:PassRole", deploy_role, {"iam:PassedToService": "ec2.amazonaws.com"}
    )
    assert not EVALUATOR.allows(
        "PipelineRole", "iam:PassRole", arn("iam", "role/Admin", ""), to_cloudformation
    )


@pytest.mark.parametrize("stack", [OWN, f"{OWN}-smoke"])
@pytest.mark.parametrize(
    "call",
    [
        "CreateChangeSet",
        "ExecuteChangeSet",
        "DescribeStacks",
        "DescribeStackEvents",
        "UpdateStack",
        "CreateStack",
    ],
)
def test_the_pipeline_deploys_its_stacks_and_no_other(stack: str, call: str) -> None:
    action = f"cloudformation:{call}"
    assert EVALUATOR.allows("PipelineRole", action, arn("cloudformation", f"stack/{stack}/1"))
    assert not EVALUATOR.allows(
        "PipelineRole", action, arn("cloudformation", f"stack/{stack}Prod/1")
    )


def test_the_pipeline_runs_its_own_projects_only() -> None:
    for name in ("BuildProject", "DeployProject", "SelfUpdateProject"):
        project = EVALUATOR.resolver.resolve({"Fn::GetAtt": [name, "Arn"]})
        assert EVALUATOR.allows("PipelineRole", "codebuild:StartBuild", project), name
        assert EVALUATOR.allows("PipelineRole", "codebuild:BatchGetBuilds", project), name
    assert not EVALUATOR.allows(
        "PipelineRole", "codebuild:StartBuild", arn("codebuild", "project/other")
    )


def test_a_connection_may_be_used_when_there_is_one() -> None:
    assert evaluator(ConnectionArn=CONNECTION).allows(
        "PipelineRole", "codeconnections:UseConnection", CONNECTION
    )
    assert not EVALUATOR.allows("PipelineRole", "codeconnections:UseConnection", CONNECTION)


def test_approvals_may_be_asked_for_when_they_are_wanted() -> None:
    topic = EVALUATOR.resolver.resolve({"Ref": "PipelineTopic"})
    assert evaluator(ManualApproval="true").allows("PipelineRole", "sns:Publish", topic)
    assert not EVALUATOR.allows("PipelineRole", "sns:Publish", topic)


@pytest.mark.parametrize(
    ("role", "action", "resource"),
    [
        ("BuildProjectRole", "ecr:GetAuthorizationToken", "*"),
        ("BuildProjectRole", "ecr:BatchGetImage", arn("ecr", "repository/llm-service")),
        ("BuildProjectRole", "ecr:PutImage", arn("ecr", "repository/llm-service")),
        ("BuildProjectRole", "ecr:UploadLayerPart", arn("ecr", "repository/llm-service")),
        ("BuildProjectRole", "ecr:GetDownloadUrlForLayer", arn("ecr", "repository/llm-service")),
        (
            "BuildProjectRole",
            "codebuild:CreateReportGroup",
            arn("codebuild", f"report-group/{STACK}-build-tests"),
        ),
        ("DeployProjectRole", "ecr:PutImage", arn("ecr", "repository/llm-service")),
        ("DeployProjectRole", "ecr:DescribeImages", arn("ecr", "repository/llm-service")),
        (
            "DeployProjectRole",
            "codebuild:StartBuild",
            arn("codebuild", f"project/{OWN}-smoke-test"),
        ),
        (
            "DeployProjectRole",
            "cloudformation:UpdateStack",
            arn("cloudformation", f"stack/{OWN}/1"),
        ),
    ],
)
def test_the_projects_can(role: str, action: str, resource: str) -> None:
    assert EVALUATOR.allows(role, action, resource)


@pytest.mark.parametrize("role", ["BuildProjectRole", "DeployProjectRole", "SelfUpdateProjectRole"])
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ecr:BatchDeleteImage", arn("ecr", "repository/llm-service")),
        ("ecr:DeleteRepository", arn("ecr", "repository/llm-service")),
        ("ecr:PutImage", arn("ecr", "repository/other")),
        ("s3:DeleteObject", "arn:aws:s3:::anything/x"),
        ("s3:PutObject", "arn:aws:s3:::anything/x"),
        ("iam:PassRole", arn("iam", "role/Admin", "")),
        ("iam:PassRole", arn("iam", f"role/{PATH}/{STACK}-InfraDeployRole-1", "")),
        ("iam:CreateRole", arn("iam", f"role/{PATH}/x", "")),
        ("iam:PutRolePolicy", arn("iam", f"role/{PATH}/{STACK}-BuildProjectRole-1", "")),
        ("iam:CreatePolicyVersion", BOUNDARY),
        ("cloudformation:DeleteStack", arn("cloudformation", f"stack/{OWN}/1")),
        ("cloudformation:UpdateStack", arn("cloudformation", "stack/other/1")),
        ("secretsmanager:GetSecretValue", arn("secretsmanager", "secret:other-AbCdEf")),
        ("sts:AssumeRole", arn("iam", "role/Admin", "")),
    ],
)
def test_the_projects_can_not(role: str, action: str, resource: str) -> None:
    assert not EVALUATOR.allows(role, action, resource)


# Roles and policies are a person's to change; buckets, secrets and images are never made anew.
UPDATED_ONLY = {
    "AWS::CodePipeline::Pipeline",
    "AWS::ECR::Repository",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SecretsManager::Secret",
    "AWS::SNS::Topic",
}
SELF_UPDATE_NOT_NEEDED = {
    **NOT_NEEDED,
    "codestar-connections:": "checked with a connection below",
    "ecr:DeleteLifecyclePolicy": "the lifecycle policy stays",
    "ecr:DeleteRepositoryPolicy": "no repository policy",
    "ecr:SetRepositoryPolicy": "no repository policy",
    "iam:GetRole": "checked below",
    "iam:PassRole": "checked below",
    "s3:": "the bucket's properties that the template sets are checked below",
    "s3tables:": "not used",
    "secretsmanager:GetRandomPassword": "the secret is not made anew",
    "secretsmanager:RemoveRegionsFromReplication": "no replication",
    "secretsmanager:ReplicateSecretToRegions": "no replication",
}


@pytest.mark.parametrize(
    "kind", [kind for kind in types_of(PIPELINE) if not kind.startswith("AWS::IAM::")]
)
def test_the_self_update_can_change_what_the_stack_holds(kind: str) -> None:
    handlers = (
        ("read", "update") if kind in UPDATED_ONLY else ("create", "read", "update", "delete")
    )
    resolve = EVALUATOR.resolver.resolve
    arns = [
        "*",
        arn("codepipeline", STACK),
        arn("codepipeline", "webhook:x"),
        arn("codebuild", f"project/{STACK}-x"),
        arn("ecr", "repository/llm-service"),
        arn("events", f"rule/{STACK}-Rule-1A2B"),
        arn("logs", f"log-group:{STACK}-Logs-1A2B:*"),
        resolve({"Fn::GetAtt": ["ArtifactBucket", "Arn"]}),
        resolve({"Ref": "PipelineTopic"}),
        resolve({"Ref": "WebhookSecret"}),
    ]
    missing = [
        action
        for action in sorted(handler_permissions(kind, handlers))
        if not action.startswith(tuple(SELF_UPDATE_NOT_NEEDED))
        and not is_allowed("SelfUpdateProjectRole", action.replace("*", "Any"), arns)
    ]
    assert missing == []


@pytest.mark.parametrize(
    "action",
    [
        "s3:PutBucketPolicy",
        "s3:PutLifecycleConfiguration",
        "s3:PutEncryptionConfiguration",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutBucketVersioning",
        "s3:PutBucketOwnershipControls",
    ],
)
def test_the_self_update_can_change_the_buckets_settings(action: str) -> None:
    bucket = EVALUATOR.resolver.resolve({"Fn::GetAtt": ["ArtifactBucket", "Arn"]})
    assert EVALUATOR.allows("SelfUpdateProjectRole", action, bucket)
    assert not EVALUATOR.allows("SelfUpdateProjectRole", action, "arn:aws:s3:::other")


@pytest.mark.parametrize("service", ["codebuild.amazonaws.com", "codepipeline.amazonaws.com"])
def test_the_self_update_passes_the_pipelines_own_roles_to_their_services(service: str) -> None:
    role = arn("iam", f"role/{PATH}/{STACK}-BuildProjectRole-1", "")
    context = {"iam:PassedToService": service}
    assert EVALUATOR.allows("SelfUpdateProjectRole", "iam:PassRole", role, context)
    other = arn("iam", "role/llm-service-pipeline/OtherStack/x", "")
    assert not EVALUATOR.allows("SelfUpdateProjectRole", "iam:PassRole", other, context)


def test_the_self_update_reads_the_secrets_that_the_template_names() -> None:
    token = arn("secretsmanager", "secret:deepseek-llm-service-pat-AbCdEf")
    assert EVALUATOR.allows("SelfUpdateProjectRole", "secretsmanager:GetSecretValue", token)
    assert not evaluator(ConnectionArn=CONNECTION).allows(
        "SelfUpdateProjectRole", "secretsmanager:GetSecretValue", token
    )
    assert evaluator(ConnectionArn=CONNECTION).allows(
        "SelfUpdateProjectRole", "codestar-connections:PassConnection", CONNECTION
    )


def test_no_policy_is_longer_than_iam_takes() -> None:
    def size(document: Any) -> int:
        return len(json.dumps(document, separators=(",", ":")))

    every = evaluator(ConnectionArn=CONNECTION, ManualApproval="true"), EVALUATOR
    for one in every:
        for role in one.roles():
            assert sum(map(size, one.documents(role))) <= 10_240, role
    boundary = PIPELINE["Resources"]["RoleBoundary"]["Properties"]["PolicyDocument"]
    assert size(boundary) <= 6_144


# CloudFormation calls a role <stack>-<logical name>-<12 or 13 characters>, cut to 64. The deploy
# role tells the infrastructure's roles by their beginning, which must survive the cut.
@pytest.mark.parametrize(
    ("template", "suffix"), [(INFRA, ""), (SMOKE_TEST, "-smoke")], ids=["infra", "smoke test"]
)
def test_the_longest_allowed_stack_name_leaves_generated_names_uncut(
    template: dict[str, Any], suffix: str
) -> None:
    pattern = DeployParameters.infra_stack_name.allowed_pattern
    assert pattern is not None
    assert "{0,27}" in pattern
    longest = 28 + len(suffix)
    for name, resource in template["Resources"].items():
        if resource["Type"] in ("AWS::IAM::Role", "AWS::Lambda::Function", "AWS::Events::Rule"):
            assert longest + 1 + len(name) + 1 + 13 <= 64, name
