from __future__ import annotations

from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from deployment.rules.template_walk import referred, walk


class PrivateRoute(CloudFormationLintRule):  # type: ignore[misc]  # cfnlint has no types
    """What is called private must not be reachable from the internet."""

    id = "E9103"
    shortdesc = "No route from a private subnet to the internet gateway"
    description = "A route table that is named private, or serves such a subnet, must use NAT."
    source_url = "https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html"
    tags = ("resources", "vpc")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """Returns a match for each route of a private table to an internet gateway."""
        gateways = set(cfn.get_resources("AWS::EC2::InternetGateway"))
        tables = self._private_tables(cfn)
        matches = []
        for name, route in cfn.get_resources("AWS::EC2::Route").items():
            properties = route.get("Properties", {})
            table = referred(properties.get("RouteTableId"))
            if table in tables and referred(properties.get("GatewayId")) in gateways:
                path = ["Resources", name, "Properties", "GatewayId"]
                matches.append(RuleMatch(path, f"{table} is private: route through NAT"))
        return matches

    @staticmethod
    def _private_tables(cfn: Any) -> set[str | None]:
        tables = {
            name
            for name, table in cfn.get_resources("AWS::EC2::RouteTable").items()
            if _is_private(name, table)
        }
        subnets = cfn.get_resources("AWS::EC2::Subnet")
        private = {name for name, subnet in subnets.items() if _is_private(name, subnet)}
        associations = cfn.get_resources("AWS::EC2::SubnetRouteTableAssociation").values()
        for properties in (association.get("Properties", {}) for association in associations):
            if referred(properties.get("SubnetId")) in private:
                tables.add(referred(properties.get("RouteTableId")))
        return tables


def _is_private(name: str, resource: dict[str, Any]) -> bool:
    tags = resource.get("Properties", {}).get("Tags", [])
    texts = [name, *(value for _, value in walk(tags) if isinstance(value, str))]
    return any("private" in text.lower() for text in texts)
