from __future__ import annotations

from typing import Any

from troposphere import Cidr, GetAtt, GetAZs, If, Join, Ref, Select, Split, Sub, Template, ec2

from templates.infra_conditions import (
    ANY_NAT,
    ANY_NAT_IN_THIRD_ZONE,
    CREATE_ENDPOINTS,
    CREATE_VPC,
    HAS_CLIENT_CIDR,
    NAT_IN_THIRD_ZONE,
    NAT_PER_ZONE,
    THREE_ZONES,
    when,
)
from templates.naming import SERVER_PORT, stack_name_tag
from templates.network_parameters import NetworkParameters
from templates.suppressions import skip_checks

# Blocks of 256 addresses: public subnets take the first three, private ones start at the ninth.
_SUBNET_BLOCKS = 12
_SUBNET_HOST_BITS = 8
_ZONES = (1, 2, 3)

# What an instance calls: its image, its logs and metrics, Session Manager, its stack and group,
# discovery (both halves of Cloud Map) and the secrets.
_ENDPOINT_SERVICES = {
    "EcrApi": "ecr.api",
    "EcrDocker": "ecr.dkr",
    "Logs": "logs",
    "Ssm": "ssm",
    "SsmMessages": "ssmmessages",
    "CloudFormation": "cloudformation",
    "AutoScaling": "autoscaling",
    "CloudMap": "servicediscovery",
    "SecretsManager": "secretsmanager",
}


class Network:
    """The VPC that the fleet runs in: a new one, or one that exists.

    Attributes:
        vpc_id: Id of the VPC.
        subnet_ids: Ids of the private subnets, one a zone.
        fleet_group_id: Security group of the instances.
        client_group_id: Security group whose members may call them.
        routes: What instances need to reach AWS, as references by the condition of each. The group
            depends on them, so that they are there before its first instance and stay until its
            last one is gone.
    """

    def __init__(self, template: Template) -> None:
        self._template = template
        self.routes: dict[str, list[Ref]] = {}
        self.vpc_id = If(CREATE_VPC, Ref("Vpc"), NetworkParameters.existing_vpc_id.ref())
        self._add_vpc()
        for zone in _ZONES:
            self._add_zone(zone)
        self._add_s3_endpoint()
        self.subnet_ids = If(
            CREATE_VPC,
            _by_zone_count("PrivateSubnet"),
            Split(",", NetworkParameters.existing_subnet_ids.ref()),
        )
        self.client_group_id = GetAtt("ClientSecurityGroup", "GroupId")
        self.fleet_group_id = self._add_security_groups()
        self._add_interface_endpoints()

    @property
    def subnet_list(self) -> Any:
        """The private subnets' ids, joined by commas, for an output."""
        return If(
            CREATE_VPC,
            Join(",", _by_zone_count("PrivateSubnet")),
            NetworkParameters.existing_subnet_ids.ref(),
        )

    def _add(self, resource: Any) -> Any:
        return self._template.add_resource(resource)

    def _add_route(self, condition: str, resource: str) -> None:
        self.routes.setdefault(condition, []).append(Ref(resource))

    def _add_vpc(self) -> None:
        self._add(
            ec2.VPC(
                "Vpc",
                Condition=CREATE_VPC,
                CidrBlock=NetworkParameters.vpc_cidr.ref(),
                EnableDnsHostnames=True,
                Tags=stack_name_tag("vpc"),
            )
        )
        self._add(ec2.InternetGateway("InternetGateway", Condition=CREATE_VPC))
        self._add(
            ec2.VPCGatewayAttachment(
                "GatewayAttachment",
                Condition=CREATE_VPC,
                VpcId=Ref("Vpc"),
                InternetGatewayId=Ref("InternetGateway"),
            )
        )
        self._add(ec2.RouteTable("PublicTable", Condition=CREATE_VPC, VpcId=Ref("Vpc")))
        self._add(
            ec2.Route(
                "PublicRoute",
                Condition=CREATE_VPC,
                DependsOn="GatewayAttachment",
                RouteTableId=Ref("PublicTable"),
                DestinationCidrBlock="0.0.0.0/0",
                GatewayId=Ref("InternetGateway"),
            )
        )
        # Which depends on the attachment.
        self._add_route(CREATE_VPC, "PublicRoute")

    def _add_zone(self, zone: int) -> None:
        condition = THREE_ZONES if zone == 3 else CREATE_VPC
        self._add_subnet("Public", zone, condition, block=zone - 1, table="PublicTable")
        self._add(
            ec2.RouteTable(
                f"PrivateTable{zone}",
                Condition=condition,
                VpcId=Ref("Vpc"),
            )
        )
        self._add_subnet("Private", zone, condition, block=zone + 7, table=f"PrivateTable{zone}")
        self._add_nat(zone)

    def _add_subnet(self, kind: str, zone: int, condition: str, block: int, table: str) -> None:
        name = f"{kind}Subnet{zone}"
        self._add(
            ec2.Subnet(
                name,
                Condition=condition,
                VpcId=Ref("Vpc"),
                AvailabilityZone=Select(zone - 1, GetAZs("")),
                CidrBlock=Select(
                    block,
                    Cidr(NetworkParameters.vpc_cidr.ref(), _SUBNET_BLOCKS, _SUBNET_HOST_BITS),
                ),
            )
        )
        self._add(
            ec2.SubnetRouteTableAssociation(
                f"{name}Routes",
                Condition=condition,
                SubnetId=Ref(name),
                RouteTableId=Ref(table),
            )
        )
        self._add_route(condition, f"{name}Routes")

    def _add_nat(self, zone: int) -> None:
        condition = {1: ANY_NAT, 2: NAT_PER_ZONE, 3: NAT_IN_THIRD_ZONE}[zone]
        self._add(
            ec2.EIP(
                f"NatAddress{zone}",
                Condition=condition,
                DependsOn="GatewayAttachment",
                Domain="vpc",
            )
        )
        self._add(
            ec2.NatGateway(
                f"NatGateway{zone}",
                Condition=condition,
                AllocationId=GetAtt(f"NatAddress{zone}", "AllocationId"),
                SubnetId=Ref(f"PublicSubnet{zone}"),
            )
        )
        own, first = Ref(f"NatGateway{zone}"), Ref("NatGateway1")
        self._add(
            ec2.Route(
                f"PrivateRoute{zone}",
                Condition=ANY_NAT_IN_THIRD_ZONE if zone == 3 else ANY_NAT,
                RouteTableId=Ref(f"PrivateTable{zone}"),
                DestinationCidrBlock="0.0.0.0/0",
                NatGatewayId=own if zone == 1 else If(NAT_PER_ZONE, own, first),
            )
        )
        self._add_route(ANY_NAT_IN_THIRD_ZONE if zone == 3 else ANY_NAT, f"PrivateRoute{zone}")

    def _add_s3_endpoint(self) -> None:
        # Free, and keeps image layers and weights off the NAT gateway, which bills by the byte.
        self._add(
            ec2.VPCEndpoint(
                "S3Endpoint",
                Condition=CREATE_VPC,
                VpcId=Ref("Vpc"),
                VpcEndpointType="Gateway",
                ServiceName=Sub("com.amazonaws.${AWS::Region}.s3"),
                RouteTableIds=_by_zone_count("PrivateTable"),
            )
        )
        self._add_route(CREATE_VPC, "S3Endpoint")

    def _add_security_groups(self) -> GetAtt:
        self._add(
            ec2.SecurityGroup(
                "ClientSecurityGroup",
                GroupDescription="Members may call the LLM service.",
                VpcId=self.vpc_id,
                SecurityGroupEgress=[_rule("Calls leave for anywhere", "-1", "0.0.0.0/0")],
            )
        )
        self._add(
            ec2.SecurityGroup(
                "FleetSecurityGroup",
                GroupDescription="Instances of the LLM service.",
                VpcId=self.vpc_id,
                SecurityGroupIngress=[
                    ec2.SecurityGroupRule(
                        Description="gRPC from members of the client group",
                        IpProtocol="tcp",
                        FromPort=SERVER_PORT,
                        ToPort=SERVER_PORT,
                        SourceSecurityGroupId=self.client_group_id,
                    ),
                    when(
                        HAS_CLIENT_CIDR,
                        _rule(
                            "gRPC from the clients' range",
                            "tcp",
                            NetworkParameters.client_cidr.ref(),
                            SERVER_PORT,
                        ),
                    ),
                ],
                SecurityGroupEgress=[
                    _rule("HTTPS to AWS and the hub", "tcp", "0.0.0.0/0", 443),
                    _rule("Package mirrors of Amazon Linux 2", "tcp", "0.0.0.0/0", 80),
                ],
                Metadata=skip_checks(CKV_AWS_23="Each has one, also inside Fn::If."),
            )
        )
        return GetAtt("FleetSecurityGroup", "GroupId")

    def _add_interface_endpoints(self) -> None:
        self._add(
            ec2.SecurityGroup(
                "EndpointSecurityGroup",
                Condition=CREATE_ENDPOINTS,
                GroupDescription="Interface endpoints of the LLM service.",
                VpcId=Ref("Vpc"),
                SecurityGroupIngress=[
                    ec2.SecurityGroupRule(
                        Description="HTTPS from the VPC",
                        IpProtocol="tcp",
                        FromPort=443,
                        ToPort=443,
                        SourceSecurityGroupId=group,
                    )
                    # The pipeline's smoke test is a client, and pulls its image through them.
                    for group in (self.fleet_group_id, self.client_group_id)
                ],
            )
        )
        for name, service in _ENDPOINT_SERVICES.items():
            self._add(
                ec2.VPCEndpoint(
                    f"{name}Endpoint",
                    Condition=CREATE_ENDPOINTS,
                    VpcId=Ref("Vpc"),
                    VpcEndpointType="Interface",
                    ServiceName=Sub(f"com.amazonaws.${{AWS::Region}}.{service}"),
                    PrivateDnsEnabled=True,
                    # Two zones outlive one; a third would only be billed.
                    SubnetIds=[Ref("PrivateSubnet1"), Ref("PrivateSubnet2")],
                    SecurityGroupIds=[GetAtt("EndpointSecurityGroup", "GroupId")],
                )
            )
            self._add_route(CREATE_ENDPOINTS, f"{name}Endpoint")


def _by_zone_count(resource: str) -> list[Any]:
    return [Ref(f"{resource}1"), Ref(f"{resource}2"), when(THREE_ZONES, Ref(f"{resource}3"))]


def _rule(description: str, protocol: str, cidr: Any, port: int | None = None) -> Any:
    return ec2.SecurityGroupRule(
        Description=description,
        IpProtocol=protocol,
        CidrIp=cidr,
        **({} if port is None else {"FromPort": port, "ToPort": port}),
    )
