from __future__ import annotations

import pytest

from deployment.endpoints import Endpoints
from deployment.errors import FindingsError, UsageError
from tests.deployment.fakes import START, ScriptedAws, stack


def discover(aws: ScriptedAws, *addresses: str, resources: bool = True) -> None:
    aws.answer("cloudformation", "describe_stacks", stack("UPDATE_COMPLETE"))
    service = {
        "LogicalResourceId": "DiscoveryService",
        "PhysicalResourceId": "srv-1",
        "ResourceType": "AWS::ServiceDiscovery::Service",
        "ResourceStatus": "CREATE_COMPLETE",
        "LastUpdatedTimestamp": START,
    }
    found = [service] if resources else []
    aws.answer("cloudformation", "list_stack_resources", {"StackResourceSummaries": found})
    if not resources:
        return
    described = {"Service": {"Name": "llm", "NamespaceId": "ns-1"}}
    aws.answer("servicediscovery", "get_service", described, Id="srv-1")
    aws.answer(
        "servicediscovery", "get_namespace", {"Namespace": {"Name": "llm-service"}}, Id="ns-1"
    )
    instances = [
        {"InstanceId": f"i-{index}", "Attributes": {"AWS_INSTANCE_IPV4": address}}
        for index, address in enumerate(addresses)
    ]
    aws.answer(
        "servicediscovery",
        "discover_instances",
        {"Instances": instances},
        NamespaceName="llm-service",
        ServiceName="llm",
        HealthStatus="HEALTHY",
    )


def test_healthy_servers_become_one_target(scripted: ScriptedAws) -> None:
    discover(scripted, "10.0.1.5", "10.0.2.6")
    endpoints = Endpoints.discover(scripted, "demo")
    assert endpoints.addresses == ("10.0.1.5:50051", "10.0.2.6:50051")
    assert endpoints.instances == ("i-0", "i-1")
    assert endpoints.target == "ipv4:10.0.1.5:50051,10.0.2.6:50051"


def test_without_a_healthy_server_says_where_to_look(scripted: ScriptedAws) -> None:
    discover(scripted)
    with pytest.raises(
        FindingsError, match=r"no healthy server is registered as llm.llm-service"
    ) as none:
        Endpoints.discover(scripted, "demo")
    assert "generate.py status demo" in none.value.remedy


def test_a_stack_without_the_service_is_refused(scripted: ScriptedAws) -> None:
    discover(scripted, resources=False)
    with pytest.raises(UsageError, match="demo has no AWS::ServiceDiscovery::Service"):
        Endpoints.discover(scripted, "demo")


def test_an_absent_stack_is_refused(scripted: ScriptedAws) -> None:
    scripted.refuse("cloudformation", "describe_stacks", "ValidationError", "does not exist")
    with pytest.raises(UsageError, match="demo does not exist in eu-west-1"):
        Endpoints.discover(scripted, "demo")


def test_an_address_given_by_hand_is_taken_as_it_is() -> None:
    assert Endpoints.fixed("localhost:50051").target == "localhost:50051"
