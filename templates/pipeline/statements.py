"""Short ways to write the policies of the pipeline's roles."""

from __future__ import annotations

from typing import Any

from awacs import sts
from awacs.aws import (
    Action,
    Allow,
    Condition,
    Deny,
    PolicyDocument,
    Principal,
    Statement,
    StringEquals,
)
from troposphere import Ref, Sub

# The roles of a pipeline have a path of their own. What is allowed on the infrastructure's roles,
# role/<infrastructure stack>-*, can then never match one of them, whatever the stacks are called;
# and the pattern tells them from those of another environment's pipeline.
ROLE_PATH = Sub("/llm-service-pipeline/${AWS::StackName}/")
ROLE_PATTERN = "role/llm-service-pipeline/${AWS::StackName}/*"

_VERSION = "2012-10-17"


def arn(service: str, resource: str, region: str = "${AWS::Region}") -> Sub:
    """Returns the ARN of a resource in this account.

    Args:
        service: Namespace such as codebuild.
        resource: What follows the account; may hold ${...} of Fn::Sub.
        region: Empty for services without regions, such as IAM.
    """
    return Sub(f"arn:${{AWS::Partition}}:{service}:{region}:${{AWS::AccountId}}:{resource}")


def allow(sid: str, actions: list[Action], resource: Any, condition: Any = None) -> Statement:
    """Returns a statement that allows actions on one resource or on a list of them."""
    return _statement(Allow, sid, actions, resource, condition)


def deny(sid: str, actions: list[Action], resource: Any, condition: Any = None) -> Statement:
    """Returns a statement that forbids actions on one resource or on a list of them."""
    return _statement(Deny, sid, actions, resource, condition)


def document(statements: list[Any]) -> dict[str, Any]:
    """Returns a policy document; a condition's intrinsic may stand for a statement."""
    return {"Version": _VERSION, "Statement": statements}


def trust(service: str) -> PolicyDocument:
    """Returns the trust policy by which an AWS service, for this account only, takes a role."""
    return PolicyDocument(
        Version=_VERSION,
        Statement=[
            Statement(
                Effect=Allow,
                Action=[sts.AssumeRole],
                Principal=Principal("Service", service),
                Condition=Condition(StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")})),
            )
        ],
    )


def _statement(effect: str, sid: str, actions: list[Action], resource: Any, condition: Any) -> Any:
    resources = resource if isinstance(resource, list) else [resource]
    given = {} if condition is None else {"Condition": Condition(condition)}
    return Statement(Sid=sid, Effect=effect, Action=actions, Resource=resources, **given)
