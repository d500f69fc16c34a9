"""The template deployed to moto: create, update with a new tag, no change, delete."""

from __future__ import annotations

import base64
import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from templates.infra import LlmServiceInfraStack
from tests.templates.infra.moto_stack import complete_moto

STACK = "LlmServiceInfraStack"
REGION = "us-east-1"
# moto resolves no dynamic reference.
AMI = "ami-12c6146b"


class Account:
    """An AWS account with the stack in it."""

    def __init__(self) -> None:
        self.cloudformation = boto3.client("cloudformation")
        self.body = LlmServiceInfraStack().to_json()

    def create(self, **parameters: str) -> None:
        self.cloudformation.create_stack(**self._arguments(parameters))

    def update(self, **parameters: str) -> None:
        self.cloudformation.update_stack(**self._arguments(parameters))

    def delete(self) -> None:
        self.cloudformation.delete_stack(StackName=STACK)

    def _arguments(self, parameters: dict[str, str]) -> dict[str, Any]:
        values = {"AmiId": AMI, **parameters}
        return {
            "StackName": STACK,
            "TemplateBody": self.body,
            "Capabilities": ["CAPABILITY_IAM"],
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in values.items()
            ],
        }

    @property
    def outputs(self) -> dict[str, str]:
        (stack,) = self.cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    @property
    def group(self) -> Any:
        groups = boto3.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[f"{STACK}-fleet"]
        )
        return groups["AutoScalingGroups"][0]

    def user_data(self, version: str) -> str:
        specification = self.group["MixedInstancesPolicy"]["LaunchTemplate"][
            "LaunchTemplateSpecification"
        ]
        versions = boto3.client("ec2").describe_launch_template_versions(
            LaunchTemplateId=specification["LaunchTemplateId"], Versions=[version]
        )["LaunchTemplateVersions"]
        return base64.b64decode(versions[0]["LaunchTemplateData"]["UserData"]).decode()


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    # Without it a resource that moto does not know would be left out in silence.
    with mock_aws(), complete_moto(), warnings.catch_warnings():
        warnings.filterwarnings("error", message="Tried to parse")
        yield Account()


def test_create(account: Account) -> None:
    account.create(ImageTag="1a2b3c4")
    ec2 = boto3.client("ec2")
    vpc = account.outputs["VpcId"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    assert len(subnets) == 4
    assert len({subnet["AvailabilityZone"] for subnet in subnets}) == 2
    assert len(ec2.describe_nat_gateways()["NatGateways"]) == 1
    assert account.outputs["EndpointName"] == "llm.llm-service"
    assert account.outputs["AutoScalingGroupName"] == f"{STACK}-fleet"
    assert set(account.outputs["SubnetIds"].split(",")) == set(
        account.group["VPCZoneIdentifier"].split(",")
    )
    assert "python -m llm_service.client" in account.outputs["TryCommand"]
    (service,) = boto3.client("servicediscovery").list_services()["Services"]
    assert service["Id"] == account.outputs["ServiceId"]
    assert "repository='llm-service:1a2b3c4'" in account.user_data("1")


def test_create_in_three_zones_with_a_gateway_in_each(account: Account) -> None:
    account.create(ZoneCount="3", NatGateways="one-per-zone", VpcEndpoints="true")
    ec2 = boto3.client("ec2")
    vpc = account.outputs["VpcId"]
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    assert len(subnets) == 6
    assert len(ec2.describe_nat_gateways()["NatGateways"]) == 3
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    assert len(endpoints) == 10


def test_create_in_an_existing_vpc(account: Account) -> None:
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.9.{number}.0/24", AvailabilityZone=f"{REGION}{zone}"
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    before = len(ec2.describe_vpcs()["Vpcs"])
    account.create(ExistingVpcId=vpc, ExistingSubnetIds=",".join(subnets))
    assert len(ec2.describe_vpcs()["Vpcs"]) == before
    assert account.group["VPCZoneIdentifier"] == ",".join(subnets)


def test_a_new_tag_makes_a_version_that_the_group_takes(account: Account) -> None:
    account.create(ImageTag="1a2b3c4")
    assert (
        account.group["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"][
            "Version"
        ]
        == "1"
    )
    account.update(ImageTag="5d6e7f8")
    specification = account.group["MixedInstancesPolicy"]["LaunchTemplate"][
        "LaunchTemplateSpecification"
    ]
    assert specification["Version"] == "2"
    assert "repository='llm-service:5d6e7f8'" in account.user_data("2")


def test_the_same_again_changes_nothing(account: Account) -> None:
    account.create(ImageTag="1a2b3c4")
    before = account.group
    # AWS refuses it with "No updates are to be performed"; moto goes through with it.
    with contextlib.suppress(ClientError):
        account.update(ImageTag="1a2b3c4")
    assert [one["InstanceId"] for one in account.group["Instances"]] == [
        one["InstanceId"] for one in before["Instances"]
    ]
    (template,) = boto3.client("ec2").describe_launch_templates()["LaunchTemplates"]
    assert template["LatestVersionNumber"] == 1


def test_delete_leaves_nothing_behind_with_stale_instances_in_cloud_map(account: Account) -> None:
    account.create()
    cloud_map = boto3.client("servicediscovery")
    for number in range(3):
        cloud_map.register_instance(
            ServiceId=account.outputs["ServiceId"],
            InstanceId=f"i-{number:017x}",
            Attributes={"AWS_INSTANCE_IPV4": f"10.0.0.{number}"},
        )
    vpc = account.outputs["VpcId"]
    account.delete()
    ec2 = boto3.client("ec2")
    assert vpc not in [one["VpcId"] for one in ec2.describe_vpcs()["Vpcs"]]
    assert boto3.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert cloud_map.list_services()["Services"] == []
    assert cloud_map.list_namespaces()["Namespaces"] == []
    assert boto3.client("lambda").list_functions()["Functions"] == []
    assert boto3.client("iam").list_roles()["Roles"] == []
    assert boto3.client("logs").describe_log_groups()["logGroups"] == []
    states = {gateway["State"] for gateway in ec2.describe_nat_gateways()["NatGateways"]}
    assert states <= {"deleted"}
