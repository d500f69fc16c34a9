from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from deployment.aws_advice import error_code
from deployment.preflight.check_result import CheckResult
from deployment.preflight.preflight_context import PreflightContext
from deployment.template_evaluator import dig

NAME = "instance types"


def check_instance_types(context: PreflightContext) -> Iterator[CheckResult]:
    """Checks that every zone of the stack offers an instance type that the stack asks for."""
    types = asked_types(context)
    if not types:
        yield CheckResult.skipped(NAME, "the stack starts no instances")
        return
    zones = used_zones(context)
    offered = _offers(context, types, zones)
    for name in types:
        found = [zone for zone in zones if name in offered[zone]]
        if not found:
            yield CheckResult.failed(
                NAME, f"{name} is not offered in {', '.join(zones)}", "choose another instance type"
            )
        elif len(found) < len(zones):
            missing = ", ".join(zone for zone in zones if zone not in found)
            yield CheckResult.warning(
                NAME, f"{name} is not offered in {missing}", "add a type that every zone offers"
            )
        else:
            yield CheckResult.passed(NAME, f"{name} in {', '.join(zones)}")


def asked_types(context: PreflightContext) -> list[str]:
    """Returns the instance types that the stack may start, sorted."""
    found: set[object] = set()
    evaluator = context.evaluator
    for group in evaluator.active_properties("AWS::AutoScaling::AutoScalingGroup").values():
        overrides = dig(group, "MixedInstancesPolicy", "LaunchTemplate", "Overrides") or []
        found |= {dig(entry, "InstanceType") for entry in overrides}
    for template in evaluator.active_properties("AWS::EC2::LaunchTemplate").values():
        found.add(dig(template, "LaunchTemplateData", "InstanceType"))
    for instance in evaluator.active_properties("AWS::EC2::Instance").values():
        found.add(dig(instance, "InstanceType"))
    return sorted(name for name in found if isinstance(name, str) and name)


def used_zones(context: PreflightContext) -> list[str]:
    """Returns the zones of the stack's subnets, new or existing; all where that is unknown."""
    subnets = context.evaluator.active_properties("AWS::EC2::Subnet").values()
    zones = {dig(subnet, "AvailabilityZone") for subnet in subnets}
    named = sorted(zone for zone in zones if isinstance(zone, str))
    if named:
        return named
    existing = [item for item in context.parameter("ExistingSubnetIds").split(",") if item.strip()]
    if not existing:
        return context.zones
    answer = context.aws.client("ec2").describe_subnets(
        SubnetIds=[item.strip() for item in existing]
    )
    return sorted({subnet["AvailabilityZone"] for subnet in answer["Subnets"]})


def _offers(context: PreflightContext, types: list[str], zones: list[str]) -> dict[str, set[str]]:
    offered: dict[str, set[str]] = {zone: set() for zone in zones}
    pages = context.aws.client("ec2").get_paginator("describe_instance_type_offerings")
    arguments = {
        "LocationType": "availability-zone",
        "Filters": [{"Name": "instance-type", "Values": types}],
    }
    try:
        for page in pages.paginate(**arguments):
            for offer in page["InstanceTypeOfferings"]:
                offered.setdefault(offer["Location"], set()).add(offer["InstanceType"])
    except ClientError as error:
        # A type that AWS does not know is one that no zone offers.
        if error_code(error) not in {"InvalidInstanceType", "InvalidParameterValue"}:
            raise
    return offered
