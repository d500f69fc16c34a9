"""Order: what has to be there before the first instance, and until after the last one."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest


def _references(value: Any) -> set[str]:
    """Returns the logical names that a value refers to."""
    if isinstance(value, list):
        return set().union(*map(_references, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found: set[str] = set()
    for key, item in value.items():
        if key == "Ref":
            found.add(item)
        elif key == "Fn::GetAtt":
            found.add(item[0] if isinstance(item, list) else item.split(".")[0])
        elif key == "Fn::Sub":
            text, variables = (item, {}) if isinstance(item, str) else item
            names = [part.split("}")[0].split(".")[0] for part in text.split("${")[1:]]
            found |= {name for name in names if name not in variables} | _references(variables)
        else:
            found |= _references(item)
    return found


@pytest.fixture(scope="module")
def needs(template: Any) -> dict[str, set[str]]:
    """What each resource needs directly."""
    resources = template["Resources"]
    direct = {}
    for name, resource in resources.items():
        depends_on = resource.get("DependsOn", [])
        depends_on = [depends_on] if isinstance(depends_on, str) else depends_on
        assert set(depends_on) <= set(resources), f"{name} depends on what does not exist"
        # References in the metadata count: CloudFormation resolves it like properties.
        direct[name] = set(depends_on) | (_references(resource) & set(resources))
    return direct


def _all_needs(name: str, needs: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for other in needs[waiting.pop()]:
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def test_nothing_needs_itself(needs: dict[str, set[str]]) -> None:
    circles = [name for name in needs if name in _all_needs(name, needs)]
    assert not circles


def test_the_group_ends_before_discovery_is_emptied_and_deleted(
    needs: dict[str, set[str]],
) -> None:
    order = ["AutoScalingGroup", "DeregisterAll", "DiscoveryService", "Namespace"]
    for later, earlier in itertools.pairwise(order):
        assert earlier in _all_needs(later, needs), f"{later} must be deleted before {earlier}"


def test_the_function_can_still_work_when_the_stack_is_deleted(needs: dict[str, set[str]]) -> None:
    assert {"DeregisterFunction", "DeregisterRole", "DeregisterLogGroup"} <= _all_needs(
        "DeregisterAll", needs
    )


VPC = {"ExistingVpcId": "vpc-12345678", "ExistingSubnetIds": "subnet-11111111,subnet-22222222"}
NETWORKS = [
    {"ZoneCount": zones, "NatGateways": nat, "VpcEndpoints": endpoints, **vpc}
    for zones in ("2", "3")
    for nat in ("none", "one", "one-per-zone")
    for endpoints in ("true", "false")
    for vpc in ({}, VPC)
]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: "-".join(network.values())[:24])
def test_nothing_refers_to_what_a_condition_leaves_out(
    template: Any, deploy: Any, network: dict[str, str]
) -> None:
    deployed = deploy(**network)
    absent = set(template["Resources"]) - set(deployed.resources)
    for name, resource in deployed.resources.items():
        depends_on = resource.get("DependsOn", [])
        assert not absent & {*([depends_on] if isinstance(depends_on, str) else depends_on)}
        # Properties and metadata are resolved, so that what is left are made-up ids.
        text = json.dumps([resource["Properties"], deployed.resolver.resolve(resource)])
        assert not [one for one in absent if f'llmserviceinfrastack-{one.lower()}"' in text], name


def test_instances_can_reach_aws_from_first_to_last(
    template: Any, needs: dict[str, set[str]]
) -> None:
    kinds = ("Route", "SubnetRouteTableAssociation", "VPCGatewayAttachment", "VPCEndpoint")
    network = {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] in {f"AWS::EC2::{kind}" for kind in kinds}
    }
    assert len(network) > 15
    assert network <= _all_needs("AutoScalingGroup", needs)
    assert {"InstanceRole", "InstanceProfile", "LogGroup", "NatGateway1"} <= _all_needs(
        "AutoScalingGroup", needs
    )


def test_nothing_is_left_behind(template: Any) -> None:
    policies = {resource.get("DeletionPolicy") for resource in template["Resources"].values()}
    assert policies == {None}


def test_the_function_names_the_group_without_needing_it(
    template: Any, deploy: Any, needs: dict[str, set[str]]
) -> None:
    assert "AutoScalingGroup" not in _all_needs("DeregisterFunction", needs)
    deployed = deploy()
    variables = deployed.properties("DeregisterFunction")["Environment"]["Variables"]
    name = deployed.properties("AutoScalingGroup")["AutoScalingGroupName"]
    assert variables["AUTO_SCALING_GROUP"] == name
