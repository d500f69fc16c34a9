"""The evaluator itself: a test of least privilege is worth what it can refuse."""

from __future__ import annotations

from typing import Any

import pytest

from tests.iam.evaluator import Evaluator
from tests.iam.resolver import ACCOUNT, REGION

BUCKET = "arn:aws:s3:::stack-bucket"


def evaluator(*statements: dict[str, Any], **role: Any) -> Evaluator:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return Evaluator(
        {
            "Parameters": {"Prefix": {"Type": "String", "Default": "logs"}},
            "Conditions": {"Never": {"Fn::Equals": [{"Ref": "Prefix"}, "other"]}},
            "Resources": {
                "Bucket": {"Type": "AWS::S3::Bucket"},
                "Role": {
                    "Type": "AWS::IAM::Role",
                    "Properties": {"Policies": [{"PolicyDocument": document}], **role},
                },
                "Boundary": {
                    "Type": "AWS::IAM::ManagedPolicy",
                    "Properties": {"PolicyDocument": {"Statement": [allow("s3:Get*", "*")]}},
                },
            },
        }
    )


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def test_nothing_is_allowed_by_default() -> None:
    assert not evaluator().allows("Role", "s3:GetObject", f"{BUCKET}/a")


@pytest.mark.parametrize(
    ("action", "resource", "is_allowed"),
    [
        ("s3:GetObject", f"{BUCKET}/logs/a/b", True),
        ("S3:getobject", f"{BUCKET}/logs/a", True),
        ("s3:PutObject", f"{BUCKET}/logs/a", False),
        ("s3:GetObject", f"{BUCKET}/other/a", False),
        ("s3:GetObject", f"{BUCKET}-two/logs/a", False),
    ],
)
def test_references_become_arns(action: str, resource: str, is_allowed: bool) -> None:
    statement = allow("s3:GetObject", {"Fn::Sub": "${Bucket.Arn}/${Prefix}/*"})
    assert evaluator(statement).allows("Role", action, resource) is is_allowed


def test_a_deny_wins() -> None:
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": f"{BUCKET}/secret"}
    one = evaluator(allow("s3:GetObject", f"{BUCKET}/*"), deny)
    assert one.allows("Role", "s3:GetObject", f"{BUCKET}/open")
    assert not one.allows("Role", "s3:GetObject", f"{BUCKET}/secret")


def test_not_action_and_not_resource_are_everything_else() -> None:
    statement = {"Effect": "Allow", "NotAction": "iam:*", "NotResource": f"{BUCKET}/secret"}
    one = evaluator(statement)
    assert one.allows("Role", "s3:GetObject", f"{BUCKET}/open")
    assert not one.allows("Role", "iam:PassRole", f"{BUCKET}/open")
    assert not one.allows("Role", "s3:GetObject", f"{BUCKET}/secret")


@pytest.mark.parametrize(
    ("condition", "context", "is_allowed"),
    [
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}, True),
        ({"StringEquals": {"k": "a"}}, {"k": "c"}, False),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
        ({"StringNotEquals": {"k": "a"}}, {"k": "b"}, True),
        ({"StringNotEquals": {"k": "a"}}, {"k": "a"}, False),
        ({"StringLike": {"k": "a*"}}, {"k": "abc"}, True),
        ({"ArnLike": {"k": "arn:aws:s3:::*"}}, {"k": "arn:aws:sns:::x"}, False),
        ({"Bool": {"k": True}}, {"k": "true"}, True),
        ({"Bool": {"k": "false"}}, {"k": "true"}, False),
        ({"Null": {"k": "true"}}, {}, True),
        ({"Null": {"k": "true"}}, {"k": "a"}, False),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ["a", "c"]}, False),
        ({"ForAnyValue:StringEquals": {"k": ["a", "b"]}}, {"k": ["a", "c"]}, True),
        ({"StringEquals": {"k": "a", "m": "b"}}, {"k": "a"}, False),
    ],
)
def test_conditions(condition: dict[str, Any], context: dict[str, Any], is_allowed: bool) -> None:
    one = evaluator(allow("s3:GetObject", "*", Condition=condition))
    assert one.allows("Role", "s3:GetObject", "x", context) is is_allowed


def test_an_unknown_operator_is_an_error() -> None:
    one = evaluator(allow("s3:GetObject", "*", Condition={"IpAddress": {"k": "10.0.0.0/8"}}))
    with pytest.raises(NotImplementedError, match="IpAddress"):
        one.allows("Role", "s3:GetObject", "x", {"k": "10.0.0.1"})


def test_a_boundary_bounds() -> None:
    one = evaluator(allow("s3:*", "*"), PermissionsBoundary={"Ref": "Boundary"})
    assert one.allows("Role", "s3:GetObject", "x")
    assert not one.allows("Role", "s3:PutObject", "x")


def test_statements_of_absent_conditions_do_not_count() -> None:
    statement = {"Fn::If": ["Never", allow("s3:GetObject", "*"), {"Ref": "AWS::NoValue"}]}
    assert not evaluator(statement).allows("Role", "s3:GetObject", "x")


def test_pseudo_parameters() -> None:
    arn = {"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:${!Topic}"}
    one = evaluator(allow("sns:Publish", arn))
    assert one.allows("Role", "sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:${{Topic}}")
