"""Facts of the network: zones, ways out, who may come in."""

from __future__ import annotations

from typing import Any

import pytest

from templates.infra import LlmServiceInfraStack


def test_zones_are_the_regions_own(template: Any) -> None:
    subnets = {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::EC2::Subnet"
    }
    assert len(subnets) == 6
    for name, properties in subnets.items():
        index = int(name[-1]) - 1
        assert properties["AvailabilityZone"] == {"Fn::Select": [index, {"Fn::GetAZs": ""}]}


@pytest.mark.parametrize("zones", [2, 3])
def test_each_zone_has_a_public_and_a_private_subnet(deploy: Any, zones: int) -> None:
    deployed = deploy(ZoneCount=str(zones))
    subnets = deployed.of_type("AWS::EC2::Subnet")
    assert len(subnets) == 2 * zones
    assert len({properties["AvailabilityZone"] for properties in subnets.values()}) == zones
    assert len({properties["CidrBlock"] for properties in subnets.values()}) == 2 * zones
    # No public addresses: instances are reached through NAT's way out only.
    assert not any(properties.get("MapPublicIpOnLaunch") for properties in subnets.values())


@pytest.mark.parametrize(
    ("zones", "nat", "gateways"),
    [(2, "none", 0), (2, "one", 1), (3, "one", 1), (2, "one-per-zone", 2), (3, "one-per-zone", 3)],
)
def test_private_subnets_go_out_through_nat_only(
    deploy: Any, zones: int, nat: str, gateways: int
) -> None:
    deployed = deploy(ZoneCount=str(zones), NatGateways=nat)
    assert len(deployed.of_type("AWS::EC2::NatGateway")) == gateways
    assert len(deployed.of_type("AWS::EC2::EIP")) == gateways
    private = {
        name: route
        for name, route in deployed.of_type("AWS::EC2::Route").items()
        if name.startswith("Private")
    }
    assert len(private) == (zones if gateways else 0)
    assert all("GatewayId" not in route for route in private.values())
    assert len({route["NatGatewayId"] for route in private.values()}) == gateways
    in_own_zone = {
        name: deployed.properties(f"NatGateway{name[-1]}")["SubnetId"][-1] == name[-1]
        for name in private
        if nat == "one-per-zone"
    }
    assert all(in_own_zone.values())


def test_the_fleet_is_in_the_private_subnets(deploy: Any) -> None:
    for zones in (2, 3):
        deployed = deploy(ZoneCount=str(zones))
        subnets = deployed.properties("AutoScalingGroup")["VPCZoneIdentifier"]
        assert [subnet.split("-")[-1] for subnet in subnets] == [
            f"privatesubnet{zone + 1}" for zone in range(zones)
        ]


def test_an_existing_vpc_takes_the_place_of_a_new_one(deploy: Any) -> None:
    deployed = deploy(
        ExistingVpcId="vpc-12345678", ExistingSubnetIds="subnet-11111111,subnet-22222222"
    )
    for kind in ("VPC", "Subnet", "RouteTable", "Route", "NatGateway", "EIP", "VPCEndpoint"):
        assert not deployed.of_type(f"AWS::EC2::{kind}")
    group = deployed.properties("AutoScalingGroup")
    assert group["VPCZoneIdentifier"] == ["subnet-11111111", "subnet-22222222"]
    assert deployed.properties("Namespace")["Vpc"] == "vpc-12345678"
    assert deployed.properties("FleetSecurityGroup")["VpcId"] == "vpc-12345678"


def test_only_clients_may_call_and_only_the_server(deploy: Any) -> None:
    group = deploy().properties("FleetSecurityGroup")
    (rule,) = group["SecurityGroupIngress"]
    assert (rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) == ("tcp", 50051, 50051)
    assert "ClientSecurityGroup" in rule["SourceSecurityGroupId"]
    assert "CidrIp" not in rule
    # The client group itself opens nothing.
    assert "SecurityGroupIngress" not in deploy().properties("ClientSecurityGroup")


def test_a_range_of_clients_is_let_in_when_given(deploy: Any) -> None:
    rules = deploy(ClientCidr="10.1.0.0/16").properties("FleetSecurityGroup")[
        "SecurityGroupIngress"
    ]
    assert [rule.get("CidrIp") for rule in rules] == [None, "10.1.0.0/16"]
    assert rules[1]["FromPort"] == rules[1]["ToPort"] == 50051


def test_image_layers_and_weights_never_pay_for_nat(deploy: Any) -> None:
    endpoint = deploy(ZoneCount="3").properties("S3Endpoint")
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert len(endpoint["RouteTableIds"]) == 3


def test_endpoints_cover_every_service_that_an_instance_calls(deploy: Any) -> None:
    deployed = deploy(VpcEndpoints="true", NatGateways="none", WeightsLocation="s3://bucket/m")
    names = {
        endpoint["ServiceName"].removeprefix("com.amazonaws.eu-west-1.")
        for endpoint in deployed.of_type("AWS::EC2::VPCEndpoint").values()
    }
    assert names == {
        "s3",
        "ecr.api",
        "ecr.dkr",
        "logs",
        "ssm",
        "ssmmessages",
        "cloudformation",
        "autoscaling",
        "servicediscovery",
        "secretsmanager",
    }
    rules = deployed.properties("EndpointSecurityGroup")["SecurityGroupIngress"]
    assert {(rule["FromPort"], rule["ToPort"]) for rule in rules} == {(443, 443)}
    # The smoke test runs as a client, and pulls its image through the endpoints.
    for rule, group in zip(rules, ("FleetSecurityGroup", "ClientSecurityGroup"), strict=True):
        assert group in rule["SourceSecurityGroupId"]


def test_no_endpoint_is_billed_unless_asked_for(deploy: Any) -> None:
    assert list(deploy().of_type("AWS::EC2::VPCEndpoint")) == ["S3Endpoint"]


def test_the_stack_is_pure() -> None:
    assert LlmServiceInfraStack().to_json() == LlmServiceInfraStack().to_json()
