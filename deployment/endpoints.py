from __future__ import annotations

from dataclasses import dataclass

from deployment.aws import Aws
from deployment.errors import FindingsError, UsageError
from deployment.stack_state import StackState

PORT = 50051
SERVICE = "AWS::ServiceDiscovery::Service"


@dataclass(frozen=True)
class Endpoints:
    """Servers to ask.

    Attributes:
        addresses: host:port of each.
        instances: EC2 instance ids, in the same order; empty for an address given by hand.
    """

    addresses: tuple[str, ...]
    instances: tuple[str, ...] = ()

    @classmethod
    def fixed(cls, address: str) -> Endpoints:
        """Returns one server that the caller knows."""
        return cls((address,))

    @classmethod
    def discover(cls, aws: Aws, stack: str) -> Endpoints:
        """Returns the healthy servers of a stack, as Cloud Map knows them.

        Raises:
            UsageError: The stack does not exist or has no discovery service.
            FindingsError: No server is healthy.
        """
        namespace, service = _names(aws, stack)
        answer = aws.client("servicediscovery").discover_instances(
            NamespaceName=namespace, ServiceName=service, HealthStatus="HEALTHY"
        )
        found = [
            (entry["Attributes"]["AWS_INSTANCE_IPV4"], entry["InstanceId"])
            for entry in answer["Instances"]
            if "AWS_INSTANCE_IPV4" in entry["Attributes"]
        ]
        if not found:
            raise FindingsError(
                f"no healthy server is registered as {service}.{namespace}",
                where=stack,
                remedy=f"see why: generate.py status {stack}; generate.py logs {stack}",
            )
        return cls(
            tuple(f"{address}:{PORT}" for address, _ in found),
            tuple(instance for _, instance in found),
        )

    @property
    def target(self) -> str:
        """The servers as one target that gRPC resolves and balances over."""
        if not self.instances:
            return self.addresses[0]
        return f"ipv4:{','.join(self.addresses)}"


def _names(aws: Aws, stack: str) -> tuple[str, str]:
    """Names of namespace and service, from the stack's own resource."""
    state = StackState.read(aws, stack)
    if state is None:
        raise UsageError(
            f"{stack} does not exist in {aws.region}",
            where="--stack",
            remedy="check the name and --region, or give --address",
        )
    pages = aws.client("cloudformation").get_paginator("list_stack_resources")
    services = [
        resource["PhysicalResourceId"]
        for page in pages.paginate(StackName=state.stack_id)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == SERVICE and resource.get("PhysicalResourceId")
    ]
    if not services:
        raise UsageError(
            f"{stack} has no {SERVICE}",
            where="--stack",
            remedy="name the stack that runs the service",
        )
    cloud_map = aws.client("servicediscovery")
    service = cloud_map.get_service(Id=services[0])["Service"]
    namespace = cloud_map.get_namespace(Id=service["NamespaceId"])["Namespace"]
    return namespace["Name"], service["Name"]
