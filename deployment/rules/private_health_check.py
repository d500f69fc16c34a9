from __future__ import annotations

from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from deployment.rules.template_walk import referred


class PrivateHealthCheck(CloudFormationLintRule):  # type: ignore[misc]  # cfnlint has no types
    """Route 53's health checkers stand outside of every VPC; Cloud Map refuses them there."""

    id = "E9101"
    shortdesc = "No HealthCheckConfig in a private DNS namespace"
    description = "A service in a private DNS namespace takes HealthCheckCustomConfig only."
    source_url = "https://docs.aws.amazon.com/cloud-map/latest/api/API_CreateService.html"
    tags = ("resources", "servicediscovery")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """Returns a match for each service that Cloud Map would refuse."""
        private = set(cfn.get_resources("AWS::ServiceDiscovery::PrivateDnsNamespace"))
        matches = []
        for name, service in cfn.get_resources("AWS::ServiceDiscovery::Service").items():
            properties = service.get("Properties", {})
            namespaces = {
                referred(properties.get("NamespaceId")),
                referred(properties.get("DnsConfig", {}).get("NamespaceId")),
            }
            if "HealthCheckConfig" in properties and namespaces & private:
                path = ["Resources", name, "Properties", "HealthCheckConfig"]
                matches.append(RuleMatch(path, f"{name}: use HealthCheckCustomConfig"))
        return matches
