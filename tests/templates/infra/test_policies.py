"""Least privilege, from both sides: every call that the code makes, and near misses of each."""

from __future__ import annotations

import importlib.resources
import importlib.util
import json
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tests.iam.evaluator import Evaluator
from tests.iam.resolver import ACCOUNT, REGION
from tests.templates.infra import recorded_calls

ROOT = Path(__file__).parents[3]
STACK = "LlmServiceInfraStack"
PARAMETERS = {
    "WeightsLocation": "s3://weights/models/deepseek",
    "TlsSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:tls-Ab12",
    "TokenSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:tokens-Ab12",
}
GROUP = (
    f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:0a1b:autoScalingGroupName/"
    f"{STACK}-fleet"
)
SERVICE = f"arn:aws:servicediscovery:{REGION}:{ACCOUNT}:service/srv-discoveryservice"
ZONE = "arn:aws:route53:::hostedzone/ZNAMESPACE"
HEALTH_CHECK = "arn:aws:route53:::healthcheck/0a1b2c"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/llm-service/{STACK}:*"
REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/llm-service"
STACK_ARN = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/0a1b2c"

# What each action acts on, by the service authorization reference; no entry: it names nothing.
RESOURCES = {
    "autoscaling:CompleteLifecycleAction": GROUP,
    "autoscaling:RecordLifecycleActionHeartbeat": GROUP,
    "autoscaling:SetInstanceHealth": GROUP,
    "cloudformation:SignalResource": STACK_ARN,
    "ecr:BatchGetImage": REPOSITORY,
    "ecr:GetDownloadUrlForLayer": REPOSITORY,
    "logs:CreateLogStream": LOGS,
    "logs:PutLogEvents": LOGS,
    "route53:ChangeResourceRecordSets": ZONE,
    "route53:DeleteHealthCheck": HEALTH_CHECK,
    "route53:GetHealthCheck": HEALTH_CHECK,
    "route53:GetHostedZone": ZONE,
    "route53:UpdateHealthCheck": HEALTH_CHECK,
    "s3:GetObject": "arn:aws:s3:::weights/models/deepseek/model.safetensors",
    "s3:ListBucket": "arn:aws:s3:::weights",
}
# What Cloud Map calls in Route 53 with its caller's rights.
BY_CLOUD_MAP = {
    "route53:ChangeResourceRecordSets",
    "route53:CreateHealthCheck",
    "route53:DeleteHealthCheck",
    "route53:GetHealthCheck",
    "route53:GetHostedZone",
    "route53:ListHostedZonesByName",
    "route53:UpdateHealthCheck",
}
# What Docker calls: it logs in and pulls, and its awslogs driver writes.
BY_DOCKER = {
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
}
# The command line's names where they are not the API's.
CLI = {
    "ecr get-login-password": {"ecr:GetAuthorizationToken"},
    "s3 sync": {"s3:GetObject", "s3:ListBucket"},
}
SESSION_MANAGER = {
    "ec2messages:AcknowledgeMessage",
    "ec2messages:GetMessages",
    "ec2messages:SendReply",
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
}


@pytest.fixture(scope="module")
def evaluator(template: Any) -> Evaluator:
    return Evaluator(template, PARAMETERS, STACK)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Actions by role, from the programs' own traffic and the scripts' own text."""
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        recorded_calls.recording(monkeypatch) as aws,
    ):
        agent = recorded_calls.agents_calls(aws, tmp_path_factory.mktemp("agent"))
        function = recorded_calls.functions_calls(aws, monkeypatch)
    return {
        "InstanceRole": agent | scripts_calls() | BY_DOCKER | BY_CLOUD_MAP | SESSION_MANAGER,
        "DeregisterRole": function | BY_CLOUD_MAP | {"logs:CreateLogStream", "logs:PutLogEvents"},
    }


def scripts_calls() -> set[str]:
    """Returns the calls of the aws commands in user data and host set-up."""
    texts = [
        (ROOT / "templates/assets/user_data.sh").read_text(),
        (ROOT / "service/llm_service/node/host_setup.sh").read_text(),
    ]
    commands = set(re.findall(r"\$?\baws\)? ([a-z0-9]+ [a-z-]+)", "\n".join(texts)))
    commands -= {text for text in commands if text.split()[0] in ("a", "and")}
    found: set[str] = set()
    for command in commands:
        service, operation = command.split()
        name = "".join(part.capitalize() for part in operation.split("-"))
        found |= CLI.get(command, {f"{service}:{name}"})
    return found


def resource_of(role: str, action: str) -> str:
    if role == "DeregisterRole" and action.startswith("logs:"):
        return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{STACK.lower()}-deregisterloggroup:*"
    if action == "secretsmanager:GetSecretValue":
        return PARAMETERS["TlsSecretArn"]
    return RESOURCES.get(action, "*")


def is_bounded_by_key(action: str) -> bool:
    """Whether the condition key with the service's ARN, and no resource, bounds an action."""
    return action.startswith("servicediscovery:") and action != "servicediscovery:GetOperation"


def context_of(action: str) -> dict[str, str]:
    return {"servicediscovery:ServiceArn": SERVICE} if is_bounded_by_key(action) else {}


def test_the_recording_saw_what_matters(recorded: dict[str, set[str]]) -> None:
    assert {
        "servicediscovery:RegisterInstance",
        "servicediscovery:UpdateInstanceCustomHealthStatus",
        "cloudformation:SignalResource",
        "autoscaling:CompleteLifecycleAction",
        "ecr:GetAuthorizationToken",
        "secretsmanager:GetSecretValue",
        "logs:PutLogEvents",
    } <= recorded["InstanceRole"]
    assert {
        "servicediscovery:DeregisterInstance",
        "servicediscovery:ListInstances",
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:SetInstanceHealth",
    } <= recorded["DeregisterRole"]


@pytest.mark.parametrize("role", ["InstanceRole", "DeregisterRole"])
def test_every_call_is_allowed(
    evaluator: Evaluator, recorded: dict[str, set[str]], role: str
) -> None:
    refused = [
        action
        for action in sorted(recorded[role])
        if not evaluator.allows(role, action, resource_of(role, action), context_of(action))
    ]
    assert refused == []


@pytest.mark.parametrize("role", ["InstanceRole", "DeregisterRole"])
def test_nothing_is_allowed_that_is_not_called(
    evaluator: Evaluator, recorded: dict[str, set[str]], role: str
) -> None:
    granted = {
        action
        for document in evaluator.documents(role)
        for statement in document["Statement"]
        for action in statement["Action"]
    }
    assert granted - recorded[role] == set()
    assert not any("*" in action for action in granted)


@pytest.mark.parametrize("role", ["InstanceRole", "DeregisterRole"])
def test_actions_that_name_a_resource_are_allowed_on_no_other(
    evaluator: Evaluator, recorded: dict[str, set[str]], role: str
) -> None:
    with_resource = [action for action in recorded[role] if resource_of(role, action) != "*"]
    assert len(with_resource) > 5
    for action in with_resource:
        arn = resource_of(role, action)
        for other in (
            "*",
            arn.replace(ACCOUNT, "999999999999"),
            arn.replace(REGION, "us-east-1"),
            near_miss(arn),
        ):
            if other != arn:
                assert not evaluator.allows(role, action, other), f"{action} on {other}"


@pytest.mark.parametrize("role", ["InstanceRole", "DeregisterRole"])
def test_discovery_is_of_the_stacks_own_service_only(
    evaluator: Evaluator, recorded: dict[str, set[str]], role: str
) -> None:
    actions = [action for action in recorded[role] if is_bounded_by_key(action)]
    assert len(actions) >= 3
    for action in actions:
        for context in ({}, {"servicediscovery:ServiceArn": near_miss(SERVICE)}):
            assert not evaluator.allows(role, action, "*", context)
            assert not evaluator.allows(role, action, SERVICE, context)


def near_miss(arn: str) -> str:
    """Returns the ARN of a neighbour: another stack's, another bucket's, another secret's."""
    for own, others in (
        (f"{STACK}-fleet", f"{STACK}-fleet-2"),
        (STACK, f"{STACK}2"),
        (STACK.lower(), f"{STACK.lower()}2"),
        ("srv-discoveryservice", "srv-other"),
        ("ZNAMESPACE", "ZOTHER"),
        ("healthcheck/", "hostedzone/"),
        ("repository/llm-service", "repository/llm-service-2"),
        ("weights/models/deepseek", "weights/models/deepseek-2"),
        (":::weights", ":::weights-2"),
        ("tls-Ab12", "tls-Ab12x"),
    ):
        if own in arn:
            return arn.replace(own, others)
    raise AssertionError(f"no neighbour of {arn}")


@pytest.mark.parametrize(
    "action",
    [
        "iam:PassRole",
        "sts:AssumeRole",
        "ec2:TerminateInstances",
        "ec2:RunInstances",
        "ecr:PutImage",
        "s3:PutObject",
        "s3:DeleteObject",
        "secretsmanager:PutSecretValue",
        "secretsmanager:ListSecrets",
        "ssm:GetParameter",
        "ssm:SendCommand",
        "logs:DeleteLogGroup",
        "logs:CreateLogGroup",
        "cloudformation:UpdateStack",
        "autoscaling:UpdateAutoScalingGroup",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        "servicediscovery:DeleteService",
        "route53:DeleteHostedZone",
        "lambda:InvokeFunction",
    ],
)
@pytest.mark.parametrize("role", ["InstanceRole", "DeregisterRole"])
def test_near_misses_are_refused(evaluator: Evaluator, role: str, action: str) -> None:
    for resource in ("*", GROUP, SERVICE, ZONE, LOGS, REPOSITORY, STACK_ARN):
        assert not evaluator.allows(role, action, resource)


def test_the_function_cannot_register(evaluator: Evaluator) -> None:
    action = "servicediscovery:RegisterInstance"
    assert evaluator.allows("InstanceRole", action, "*", context_of(action))
    assert not evaluator.allows("DeregisterRole", action, "*", context_of(action))


def test_rights_for_what_is_not_set_do_not_exist(template: Any) -> None:
    bare = Evaluator(template, {}, STACK)
    assert not bare.allows("InstanceRole", "s3:GetObject", RESOURCES["s3:GetObject"])
    assert not bare.allows(
        "InstanceRole", "secretsmanager:GetSecretValue", PARAMETERS["TlsSecretArn"]
    )


def test_each_role_is_for_one_service(template: Any, evaluator: Evaluator) -> None:
    principals = {"InstanceRole": "ec2.amazonaws.com", "DeregisterRole": "lambda.amazonaws.com"}
    assert set(evaluator.roles()) == set(principals)
    for role, principal in principals.items():
        (statement,) = template["Resources"][role]["Properties"]["AssumeRolePolicyDocument"][
            "Statement"
        ]
        assert statement["Principal"] == {"Service": principal}


def test_no_managed_policy_is_attached(template: Any) -> None:
    for resource in template["Resources"].values():
        assert "ManagedPolicyArns" not in resource.get("Properties", {})


# Findings of parliament that stand, and why.
EXPLAINED = {
    # The condition key bounds these to the service, which parliament does not look at.
    "RESOURCE_STAR: ['servicediscovery:DeregisterInstance']",
    "RESOURCE_STAR: ['servicediscovery:DeregisterInstance', 'servicediscovery:RegisterInstance']",
}


@pytest.fixture
def parliament(monkeypatch: pytest.MonkeyPatch) -> Any:
    """parliament, which asks a part of setuptools for its files that is there no more."""
    if importlib.util.find_spec("parliament") is None:
        pytest.skip("parliament is not installed")
    files = types.ModuleType("pkg_resources")
    vars(files)["resource_filename"] = lambda package, name: str(
        importlib.resources.files(package) / name
    )
    monkeypatch.setitem(sys.modules, "pkg_resources", files)
    return importlib.import_module("parliament")


def test_parliament_finds_nothing_unexplained(evaluator: Evaluator, parliament: Any) -> None:
    for role in evaluator.roles():
        for document in evaluator.documents(role):
            policy = parliament.analyze_policy_string(json.dumps(document))
            findings = {f"{finding.issue}: {finding.detail}" for finding in policy.findings}
            assert findings - EXPLAINED == set()


def test_cloudsplaining_finds_nothing(evaluator: Evaluator, tmp_path: Path) -> None:
    pytest.importorskip("cloudsplaining", reason="cloudsplaining is not installed")
    from cloudsplaining.scan.policy_document import PolicyDocument

    for role in evaluator.roles():
        for document in evaluator.documents(role):
            policy = PolicyDocument({"Version": "2012-10-17", "Statement": document["Statement"]})
            assert policy.allows_privilege_escalation == []
            assert policy.credentials_exposure in ([], ["ecr:GetAuthorizationToken"])
            assert policy.service_wildcard == []
            # Data that it may read is named by ARN, but for what names no resource.
            assert policy.allows_data_exfiltration_actions == []
