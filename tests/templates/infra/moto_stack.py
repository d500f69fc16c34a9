"""What moto's CloudFormation lacks for this template: intrinsics, and models of some resources."""

from __future__ import annotations

import importlib.util
import ipaddress
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel

from templates.assets import FOLDER


class _Model(CloudFormationModel):
    """A resource that is nothing but its properties."""

    kind = ""
    deleted: list[str]

    def __init__(self, name: str, properties: dict[str, Any]) -> None:
        self.name = name
        self.properties = properties

    @property
    def physical_resource_id(self) -> str:
        return self.name

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def cloudformation_type(cls) -> str:  # type: ignore[override]  # static in moto
        return cls.kind

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return True

    def get_cfn_attribute(self, attribute: str) -> Any:
        return f"{self.name}-{attribute}"

    @classmethod
    def create_from_cloudformation_json(  # type: ignore[override]
        cls, resource_name: str, cloudformation_json: Any, *_: Any, **__: Any
    ) -> _Model:
        return cls(resource_name, cloudformation_json["Properties"])

    @classmethod
    def update_from_cloudformation_json(  # type: ignore[override]
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: Any,
        *_: Any,
        **__: Any,
    ) -> _Model:
        original_resource.properties = cloudformation_json["Properties"]
        return original_resource  # type: ignore[no-any-return]

    def delete(self, account_id: str, region_name: str) -> None:
        pass

    def is_created(self) -> bool:
        return True


class ScalingPolicy(_Model):
    kind = "AWS::AutoScaling::ScalingPolicy"


class Alarm(_Model):
    kind = "AWS::CloudWatch::Alarm"


class MetricFilter(_Model):
    kind = "AWS::Logs::MetricFilter"


class TopicPolicy(_Model):
    kind = "AWS::SNS::TopicPolicy"


class Namespace(_Model):
    kind = "AWS::ServiceDiscovery::PrivateDnsNamespace"

    def __init__(self, name: str, properties: dict[str, Any]) -> None:
        super().__init__(name, properties)
        cloud_map = boto3.client("servicediscovery")
        cloud_map.create_private_dns_namespace(Name=properties["Name"], Vpc=properties["Vpc"])
        self.name = cloud_map.list_namespaces()["Namespaces"][0]["Id"]

    def delete(self, account_id: str, region_name: str) -> None:
        cloud_map = boto3.client("servicediscovery")
        assert not cloud_map.list_services()["Services"], "the namespace still has services"
        cloud_map.delete_namespace(Id=self.name)


class Service(_Model):
    kind = "AWS::ServiceDiscovery::Service"

    def __init__(self, name: str, properties: dict[str, Any]) -> None:
        super().__init__(name, properties)
        config = {**properties["DnsConfig"]}
        service = boto3.client("servicediscovery").create_service(
            Name=properties["Name"],
            NamespaceId=config["NamespaceId"],
            DnsConfig={
                "RoutingPolicy": config["RoutingPolicy"],
                "DnsRecords": [
                    {"Type": record["Type"], "TTL": int(record["TTL"])}
                    for record in config["DnsRecords"]
                ],
            },
            HealthCheckCustomConfig=properties["HealthCheckCustomConfig"],
        )
        self.name = service["Service"]["Id"]

    def get_cfn_attribute(self, attribute: str) -> Any:
        cloud_map = boto3.client("servicediscovery")
        return cloud_map.get_service(Id=self.name)["Service"][attribute]

    def delete(self, account_id: str, region_name: str) -> None:
        cloud_map = boto3.client("servicediscovery")
        # As AWS does, and what leaves stacks in DELETE_FAILED.
        assert not cloud_map.list_instances(ServiceId=self.name)["Instances"], "ResourceInUse"
        cloud_map.delete_service(Id=self.name)


class DeregisterAll(_Model):
    """The custom resource, with the function's own source behind it."""

    kind = "AWS::CloudFormation::CustomResource"

    def delete(self, account_id: str, region_name: str) -> None:
        spec = importlib.util.spec_from_file_location("index", FOLDER / "deregister.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        answers: list[bytes] = []
        vars(module)["send"] = lambda url, body: answers.append(body)
        vars(module)["POLL_SECONDS"] = 0.01
        event = {
            "RequestType": "Delete",
            "ResponseURL": "https://cloudformation.example/answer",
            "ResourceProperties": {"ServiceId": self.properties["ServiceId"]},
            "PhysicalResourceId": self.name,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "DeregisterAll",
        }
        module.handler(event, _Context())
        assert b'"Status": "SUCCESS"' in answers[0], answers[0]


class _Context:
    def get_remaining_time_in_millis(self) -> float:
        return 60_000


def _disassociate(association: Any) -> None:
    ec2 = boto3.client("ec2")
    of_subnet = [{"Name": "association.subnet-id", "Values": [association.subnet_id]}]
    for table in ec2.describe_route_tables(Filters=of_subnet)["RouteTables"]:
        for one in table["Associations"]:
            if one.get("SubnetId") == association.subnet_id:
                ec2.disassociate_route_table(AssociationId=one["RouteTableAssociationId"])


# What moto makes by CloudFormation and does not delete again.
_DELETES = {
    "AWS::EC2::EIP": lambda one: boto3.client("ec2").release_address(
        AllocationId=one.allocation_id
    ),
    "AWS::EC2::NatGateway": lambda one: boto3.client("ec2").delete_nat_gateway(NatGatewayId=one.id),
    "AWS::EC2::RouteTable": lambda one: boto3.client("ec2").delete_route_table(RouteTableId=one.id),
    "AWS::EC2::SubnetRouteTableAssociation": _disassociate,
    "AWS::EC2::VPCEndpoint": lambda one: boto3.client("ec2").delete_vpc_endpoints(
        VpcEndpointIds=[one.id]
    ),
}


def _delete_in_order(resources: Any) -> None:
    """Deletes as CloudFormation does: what needs a resource goes first. moto's order is a set's."""
    template = resources._resource_json_map
    waiting = {name for name in template if resources._parsed_resources.get(name) is not None}
    while waiting:
        needed = {
            name
            for other in waiting
            for name in [*_references(template[other]), *_as_list(template[other].get("DependsOn"))]
            if name != other
        }
        free = sorted(waiting - needed)
        assert free, f"{sorted(waiting)} need each other"
        for name in free:
            resources._delete_resource(resources._parsed_resources[name], template[name])
        waiting -= set(free)


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _cidr(block: str, count: int, host_bits: int) -> list[str]:
    subnets = ipaddress.ip_network(block).subnets(new_prefix=32 - host_bits)
    return [str(next(subnets)) for _ in range(count)]


def _references(value: Any) -> list[str]:
    """As moto's own, but that it also sees names inside Fn::Sub and Fn::GetAtt."""
    if isinstance(value, list):
        return [name for item in value for name in _references(item)]
    if not isinstance(value, dict):
        return []
    found: list[str] = []
    for key, item in value.items():
        if key == "Ref":
            found.append(item)
        elif key == "Fn::GetAtt":
            found.append(item[0])
        elif key == "Fn::Sub":
            text = item if isinstance(item, str) else item[0]
            found += re.findall(r"\$\{([A-Za-z0-9]+)", text) + _references(item)
        else:
            found += _references(item)
    return found


@contextmanager
def complete_moto() -> Iterator[None]:
    """Gives moto what it lacks, and takes it away again."""
    clean, diff = parsing.clean_json, parsing.ResourceMap.build_resource_diff

    def clean_json(value: Any, resources: Any) -> Any:
        if isinstance(value, dict) and "Fn::Cidr" in value:
            block, count, host_bits = value["Fn::Cidr"]
            return _cidr(clean_json(block, resources), int(count), int(host_bits))
        result = clean(value, resources)
        # A list's item that is AWS::NoValue is no item.
        return [item for item in result if item is not None] if isinstance(result, list) else result

    def build_resource_diff(self: Any, template: Any, parameters: Any = None) -> Any:
        actions = diff(self, template, parameters)
        changed = actions["Modify"]
        # A group whose launch template has a new version is changed too, and so on.
        for _ in template["Resources"]:
            for name, resource in template["Resources"].items():
                versions = [item for item in _get_atts(resource) if item[0] in changed]
                if name not in changed and ["LaunchTemplate", "LatestVersionNumber"] in versions:
                    changed.append(name)
        return actions

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(parsing, "clean_json", clean_json)
        monkeypatch.setattr(parsing, "get_references_from_template", _references)
        monkeypatch.setattr(parsing.ResourceMap, "build_resource_diff", build_resource_diff)
        monkeypatch.setattr(parsing.ResourceMap, "delete", _delete_in_order)
        parsing.get_model_map.cache_clear()
        known = parsing.get_model_list()
        for model in known:
            delete = _DELETES.get(model.cloudformation_type())
            if delete is not None:
                monkeypatch.setattr(
                    model, "delete", lambda one, *_, delete=delete: delete(one), raising=False
                )
        models = [model for model in _Model.__subclasses__() if model not in known]
        monkeypatch.setattr(parsing, "get_model_list", lambda: [*known, *models])
        try:
            yield
        finally:
            parsing.get_model_map.cache_clear()


def _get_atts(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [found for item in value for found in _get_atts(item)]
    if not isinstance(value, dict):
        return []
    if "Fn::GetAtt" in value:
        return [value["Fn::GetAtt"]]
    return [found for item in value.values() for found in _get_atts(item)]
