"""Planted mistakes that cfn-lint lets pass: each rule of ours must find its own, and only that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deployment.lint_finding import LintFinding
from deployment.linter import Linter
from deployment.rules.build_specification import buildspec_problems
from deployment.rules.catalog import OWN_RULES


@pytest.fixture(scope="module")
def linter() -> Linter:
    return Linter(["us-east-1"])


def own_findings(linter: Linter, folder: Path, template: dict[str, Any]) -> list[LintFinding]:
    path = folder / "planted.template.json"
    path.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", **template}))
    return [finding for finding in linter.findings([path]) if finding.rule.startswith("E91")]


def resources(**given: Any) -> dict[str, Any]:
    return {"Resources": given}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


NAMESPACE = resource("ServiceDiscovery::PrivateDnsNamespace", Name="n", Vpc="vpc-12345678")
CHECK = {"Type": "TCP", "ResourcePath": "/", "FailureThreshold": 1}


def service(**properties: Any) -> dict[str, Any]:
    dns = {"NamespaceId": {"Ref": "Namespace"}, "DnsRecords": [{"Type": "A", "TTL": 10}]}
    return resource("ServiceDiscovery::Service", DnsConfig=dns, **properties)


def policy(**statement: Any) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    return resource("IAM::ManagedPolicy", PolicyDocument=document)


def network(gateway: str, table_name: str = "Table", subnet_name: str = "Subnet") -> dict[str, Any]:
    return resources(
        **{
            "Gateway": resource("EC2::InternetGateway"),
            "Nat": resource("EC2::NatGateway", SubnetId={"Ref": subnet_name}),
            table_name: resource("EC2::RouteTable", VpcId="vpc-12345678"),
            subnet_name: resource("EC2::Subnet", VpcId="vpc-12345678", CidrBlock="10.0.0.0/24"),
            "Association": resource(
                "EC2::SubnetRouteTableAssociation",
                SubnetId={"Ref": subnet_name},
                RouteTableId={"Ref": table_name},
            ),
            "Route": resource(
                "EC2::Route",
                RouteTableId={"Ref": table_name},
                DestinationCidrBlock="0.0.0.0/0",
                **(
                    {"GatewayId": {"Ref": "Gateway"}}
                    if gateway == "internet"
                    else {"NatGatewayId": {"Ref": "Nat"}}
                ),
            ),
        }
    )


def pipeline(category: str, provider: str, **configuration: Any) -> dict[str, Any]:
    action = {
        "Name": "Act",
        "ActionTypeId": {
            "Category": category,
            "Owner": "AWS",
            "Provider": provider,
            "Version": "1",
        },
        "Configuration": configuration,
    }
    return resource(
        "CodePipeline::Pipeline",
        RoleArn="arn:aws:iam::123456789012:role/r",
        ArtifactStore={"Type": "S3", "Location": "b"},
        Stages=[{"Name": "One", "Actions": [action]}, {"Name": "Two", "Actions": [action]}],
    )


def project(image: str = "aws/codebuild/standard:7.0", spec: Any = None) -> dict[str, Any]:
    source = {"Type": "CODEPIPELINE", **({} if spec is None else {"BuildSpec": spec})}
    return resource(
        "CodeBuild::Project",
        ServiceRole="arn:aws:iam::123456789012:role/r",
        Artifacts={"Type": "CODEPIPELINE"},
        Environment={
            "Type": "LINUX_CONTAINER",
            "ComputeType": "BUILD_GENERAL1_SMALL",
            "Image": image,
        },
        Source=source,
    )


SPEC = "version: 0.2\nphases:\n  build:\n    commands:\n      - make\n"
RESOLVED = "{{resolve:secretsmanager:pat:SecretString:github-token}}"
GITHUB_TOKEN = "ghp_" + "a1B2" * 9

MISTAKES = [
    ("E9101", resources(Namespace=NAMESPACE, Service=service(HealthCheckConfig=CHECK))),
    ("E9102", resources(Policy=policy(Action="*", Resource="arn:aws:s3:::b"))),
    ("E9102", resources(Policy=policy(Action=["s3:GetObject", "*"], Resource="*"))),
    ("E9102", resources(Policy=policy(NotAction="iam:*", Resource="*"))),
    ("E9103", network("internet", subnet_name="PrivateSubnet")),
    ("E9103", network("internet", table_name="PrivateTable")),
    ("E9104", resources(Pipeline=pipeline("Source", "GitHub", OAuthToken="secret"))),
    ("E9104", resources(Topic=resource("SNS::Topic", DisplayName=GITHUB_TOKEN))),
    ("E9105", resources(Pipeline=pipeline("Build", "CodeBuilder"))),
    ("E9105", resources(Pipeline=pipeline("Deploy", "Manual"))),
    ("E9106", resources(Project=project("aws/codebuild/standard:99.0"))),
    ("E9106", resources(Project=project("aws/codebuild/ubuntu:7.0"))),
    ("E9107", resources(Project=project(spec=SPEC.replace("commands", "command")))),
    ("E9107", resources(Project=project(spec=SPEC.replace("build:", "bild:")))),
    ("E9107", resources(Project=project(spec={"Fn::Sub": SPEC.replace("0.2", "3")}))),
    ("E9108", resources(Topic=resource("SNS::Topic", DisplayName={"Fn::Sub": "${v:-x}"}))),
    ("E9108", resources(Topic=resource("SNS::Topic", DisplayName={"Fn::Sub": ["${v%%x}", {}]}))),
    (
        "E9109",
        {**resources(Topic=resource("SNS::Topic")), "Metadata": {"Long": "x" * 51_200}},
    ),
    ("E9110", resources(Topic=resource("SNS::Topic", DisplayName="caf\u00e9"))),
    ("E9110", {**resources(Topic=resource("SNS::Topic")), "Metadata": {"caf\u00e9": 1}}),
]


@pytest.mark.parametrize(
    ("rule", "template"), MISTAKES, ids=[f"{rule}-{n}" for n, (rule, _) in enumerate(MISTAKES)]
)
def test_a_planted_mistake_is_found(
    linter: Linter, tmp_path: Path, rule: str, template: dict[str, Any]
) -> None:
    findings = own_findings(linter, tmp_path, template)
    assert {finding.rule for finding in findings} == {rule}
    for finding in findings:
        assert finding.severity == "error"
        assert finding.source.startswith("https://docs.aws.amazon.com/")


def test_every_rule_has_a_planted_mistake() -> None:
    assert {rule().id for rule in OWN_RULES} == {rule for rule, _ in MISTAKES}


RIGHT = [
    resources(Namespace=NAMESPACE, Service=service(HealthCheckCustomConfig={})),
    resources(
        Namespace=resource("ServiceDiscovery::PublicDnsNamespace", Name="n.example"),
        Service=service(HealthCheckConfig=CHECK),
    ),
    resources(Policy=policy(Action="s3:GetObject", Resource="*")),
    resources(Policy=policy(Effect="Deny", Action="*", Resource="*")),
    network("nat", subnet_name="PrivateSubnet"),
    network("internet", subnet_name="PublicSubnet"),
    resources(Pipeline=pipeline("Source", "GitHub", OAuthToken=RESOLVED)),
    resources(Pipeline=pipeline("Deploy", "CloudFormation")),
    resources(Project=project("aws/codebuild/amazonlinux-x86_64-standard:6.0", SPEC)),
    resources(Project=project("123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1", "build.yml")),
    resources(
        Topic=resource("SNS::Topic", DisplayName={"Fn::Sub": "${AWS::StackName} ${!v:-x} $v"})
    ),
    {**resources(Topic=resource("SNS::Topic")), "Metadata": {"Long": "x" * 50_000}},
]


@pytest.mark.parametrize("template", RIGHT, ids=range(len(RIGHT)))
def test_what_is_right_is_left_alone(
    linter: Linter, tmp_path: Path, template: dict[str, Any]
) -> None:
    assert own_findings(linter, tmp_path, template) == []


def test_a_buildspec_that_is_not_yaml() -> None:
    (problem,) = buildspec_problems("a: [\n")
    assert "not YAML" in problem
