from __future__ import annotations

from templates.parameter import Parameter
from templates.parameter_group import ParameterGroup

_HEADING = "Network"
_CIDR = r"(\d{1,3}\.){3}\d{1,3}/\d{1,2}"


class NetworkParameters(ParameterGroup):
    """Where the fleet runs and who may reach it."""

    heading = _HEADING

    vpc_cidr = Parameter(
        name="VpcCidr",
        group=_HEADING,
        label="Address range of the new VPC",
        default="10.0.0.0/16",
        allowed_pattern=r"^(\d{1,3}\.){3}\d{1,3}/(1[6-9]|20)$",
        constraint="A range from /16 to /20 such as 10.0.0.0/16.",
    )
    zone_count = Parameter(
        name="ZoneCount",
        group=_HEADING,
        label="Availability zones",
        default="2",
        allowed_values=("2", "3"),
    )
    nat_gateways = Parameter(
        name="NatGateways",
        group=_HEADING,
        label="NAT gateways",
        description="none needs VPC endpoints.",
        default="one",
        allowed_values=("none", "one", "one-per-zone"),
    )
    vpc_endpoints = Parameter(
        name="VpcEndpoints",
        group=_HEADING,
        label="VPC endpoints for the AWS services",
        default="false",
        allowed_values=("false", "true"),
    )
    existing_vpc_id = Parameter(
        name="ExistingVpcId",
        group=_HEADING,
        label="Existing VPC",
        description="Empty makes a new one.",
        default="",
        allowed_pattern=r"^(vpc-[0-9a-f]{8,17})?$",
        constraint="Empty, or an id such as vpc-01234567.",
    )
    existing_subnet_ids = Parameter(
        name="ExistingSubnetIds",
        group=_HEADING,
        label="Its private subnets",
        default="",
        allowed_pattern=r"^(subnet-[0-9a-f]{8,17}(,subnet-[0-9a-f]{8,17})+)?$",
        constraint="Empty, or ids of two or more zones: subnet-01234567,subnet-89abcdef.",
    )
    client_cidr = Parameter(
        name="ClientCidr",
        group=_HEADING,
        label="Address range of clients",
        description="Beside the members of the client security group.",
        default="",
        allowed_pattern=f"^({_CIDR})?$",
        constraint="Empty, or a range such as 10.0.0.0/16.",
    )
    namespace_name = Parameter(
        name="NamespaceName",
        group=_HEADING,
        label="Private DNS namespace",
        description="Clients find llm.<namespace>.",
        default="llm-service",
        allowed_pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$",
        constraint="A DNS name in small letters such as llm-service.",
        max_length=200,
    )
    record_ttl_seconds = Parameter(
        name="RecordTtlSeconds",
        group=_HEADING,
        label="DNS record's life in seconds",
        type="Number",
        default=10,
        min_value=1,
        max_value=30,
    )
