from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployment.graph.resource_kind import ResourceKind, kind_of

_VARIABLE = re.compile(r"\$\{([^!}][^}.]*)[^}]*\}")
# Resources that say nothing but that two others belong together: a line, not a card.
# Type: property that names the line's start, properties one of which names its end.
_LINKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "AWS::EC2::SubnetRouteTableAssociation": ("SubnetId", ("RouteTableId",)),
    "AWS::EC2::Route": ("RouteTableId", ("GatewayId", "NatGatewayId", "VpcEndpointId")),
    "AWS::EC2::VPCGatewayAttachment": ("VpcId", ("InternetGatewayId",)),
    "AWS::IAM::InstanceProfile": ("", ("Roles",)),
    "AWS::Lambda::Permission": ("", ("FunctionName",)),
}


@dataclass(frozen=True)
class Node:
    """A resource as a card.

    Attributes:
        name: Logical name.
        type: Resource type.
        kind: Group that it belongs to.
        conditional: Whether a condition may leave it out.
        zone: Availability zone by number from 0; None for what belongs to no one zone.
        public: Whether it is a subnet that the internet reaches.
    """

    name: str
    type: str
    kind: ResourceKind
    conditional: bool = False
    zone: int | None = None
    public: bool = False


@dataclass(frozen=True)
class Edge:
    """That one resource needs another.

    Attributes:
        source: Logical name of the one that needs.
        target: Logical name of the one needed.
        label: Logical name of the link resource that says so; empty for a plain reference.
        is_order: Whether it only has to be made first (DependsOn).
    """

    source: str
    target: str
    label: str = ""
    is_order: bool = False


class TemplateGraph:
    """The resources of a template and what they need of each other.

    Args:
        resources: The template's resources, all or those that are active.
    """

    def __init__(self, resources: Mapping[str, Mapping[str, Any]]) -> None:
        self._resources = resources
        self._links = {
            name for name, item in resources.items() if self._ends(item.get("Type", ""), item)
        }
        # One line between two cards: a use says more than an order, and comes first.
        found = sorted(
            self._edges(), key=lambda edge: (edge.source, edge.target, edge.is_order, edge.label)
        )
        unique = {(edge.source, edge.target): edge for edge in reversed(found)}
        self.edges = [unique[key] for key in sorted(unique)]
        self.nodes = [
            self._node(name, item) for name, item in resources.items() if name not in self._links
        ]

    @property
    def link_names(self) -> list[str]:
        """Logical names of the resources that are drawn as lines, sorted."""
        return sorted(self._links)

    def _ends(self, type_name: str, resource: Mapping[str, Any]) -> tuple[str, str] | None:
        """The two resources that a link resource ties; None for one that is a card."""
        if type_name not in _LINKS:
            return None
        start, ends = _LINKS[type_name]
        properties = resource.get("Properties", {})
        sources = list(self._references(properties.get(start))) if start else []
        targets = [name for end in ends for name in self._references(properties.get(end))]
        if not targets or (start and not sources):
            return None
        return (sources[0] if sources else "", targets[0])

    def _edges(self) -> Iterator[Edge]:
        followed = {
            name: self._ends(self._resources[name]["Type"], self._resources[name])
            for name in self._links
        }
        for name, resource in self._resources.items():
            ends = followed.get(name)
            if ends:
                if ends[0]:
                    yield Edge(ends[0], ends[1], name)
                continue
            used = set(self._references(resource.get("Properties")))
            ordered = set(self._names_in(resource.get("DependsOn"))) - used
            for target in used | ordered:
                link = followed.get(target)
                # Who needs a link resource needs what it leads to.
                end = link[1] if link else target
                if end != name:
                    yield Edge(name, end, target if link else "", is_order=target in ordered)

    def _names_in(self, depends_on: str | list[str] | None) -> Iterator[str]:
        names = [depends_on] if isinstance(depends_on, str) else depends_on or []
        yield from (name for name in names if name in self._resources)

    def _function(self, key: str, item: Any) -> Iterator[str]:
        if key == "Ref":
            names = [item]
        elif key == "Fn::GetAtt":
            names = [item[0] if isinstance(item, list) else str(item).split(".")[0]]
        elif key == "Fn::Sub":
            text = item if isinstance(item, str) else item[0]
            names = _VARIABLE.findall(text)
            if isinstance(item, list):
                yield from self._references(item[1])
        else:
            yield from self._references(item)
            return
        yield from (name for name in names if name in self._resources)

    def _references(self, value: Any) -> Iterator[str]:
        """Names of the resources that a value refers to by Ref, Fn::GetAtt or Fn::Sub."""
        if isinstance(value, list):
            for item in value:
                yield from self._references(item)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                yield from self._function(key, item)

    def _node(self, name: str, resource: Mapping[str, Any]) -> Node:
        type_name = str(resource.get("Type", ""))
        return Node(
            name=name,
            type=type_name,
            kind=kind_of(type_name),
            conditional="Condition" in resource,
            zone=self._zone(name),
            public=resource.get("Properties", {}).get("MapPublicIpOnLaunch") in {True, "true"},
        )

    def _zone(self, name: str) -> int | None:
        """A subnet names its zone by number; others belong to the one zone of their subnets."""
        if self._resources[name].get("Type") == "AWS::EC2::Subnet":
            return _zone_number(self._resources[name].get("Properties", {}).get("AvailabilityZone"))
        zones = {
            self._zone(other)
            for other in self._neighbours(name)
            if self._resources[other].get("Type") == "AWS::EC2::Subnet"
        }
        return zones.pop() if len(zones) == 1 else None

    def _neighbours(self, name: str) -> set[str]:
        """Subnets tied to a route table, gateway or address, through a gateway too."""
        if self._resources[name].get("Type") == "AWS::EC2::EIP":
            gateways = {edge.source for edge in self.edges if edge.target == name}
            return {other for gateway in gateways for other in self._neighbours(gateway)}
        if self._resources[name].get("Type") not in {
            "AWS::EC2::NatGateway",
            "AWS::EC2::RouteTable",
        }:
            return set()
        return {edge.target for edge in self.edges if edge.source == name} | {
            edge.source for edge in self.edges if edge.target == name
        }


def _zone_number(value: Any) -> int | None:
    if isinstance(value, Mapping) and "Fn::Select" in value:
        index = value["Fn::Select"][0]
        return int(index) if str(index).isdigit() else None
    return None
