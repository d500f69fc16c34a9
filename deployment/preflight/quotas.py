from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from deployment.aws_advice import error_code
from deployment.preflight.check_result import CheckResult
from deployment.preflight.instance_types import asked_types
from deployment.preflight.preflight_context import PreflightContext
from deployment.preflight.spot_role import uses_spot

# Quota codes of Service Quotas, per region.
# https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html
_COUNTED = {
    "AWS::EC2::VPC": ("vpc", "L-F678F1CE", "VPCs"),
    "AWS::EC2::EIP": ("ec2", "L-0263D0A3", "Elastic IP addresses"),
}
# Families of one vCPU quota: pattern of the type, code for spot, code for on-demand.
_VCPUS = (
    (r"(g|vt)\d", "L-3819A6DF", "L-DB2E81BA", "G and VT instances"),
    (r"p5", "L-C4BD4855", "L-417A185B", "P5 instances"),
    (r"p\d", "L-7212CCBC", "L-417A185B", "P instances"),
    (r"[acdhimrtz]\d", "L-34B43A08", "L-1216C47A", "standard instances"),
)


def check_quotas(context: PreflightContext) -> Iterator[CheckResult]:
    """Checks that the account may have what the stack makes."""
    for type_name, (service, code, words) in _COUNTED.items():
        wanted = len(context.evaluator.active_resources(type_name))
        # A deployed stack's own resources count as used already.
        if wanted and not context.is_deployed(type_name):
            yield _counted(context, type_name, wanted, _quota(context, service, code), words)
    yield from _vcpus(context)


def _counted(
    context: PreflightContext, type_name: str, wanted: int, quota: float, words: str
) -> CheckResult:
    used = _used(context, type_name)
    name = f"quota {words}"
    message = f"{used} used + {wanted} new of {quota:.0f}"
    if used + wanted > quota:
        return CheckResult.failed(
            name, message, "raise it in the Service Quotas console, or delete what is not needed"
        )
    return CheckResult.passed(name, message)


def _used(context: PreflightContext, type_name: str) -> int:
    ec2 = context.aws.client("ec2")
    if type_name == "AWS::EC2::EIP":
        return len(ec2.describe_addresses()["Addresses"])
    return sum(len(page["Vpcs"]) for page in ec2.get_paginator("describe_vpcs").paginate())


def _vcpus(context: PreflightContext) -> Iterator[CheckResult]:
    types = asked_types(context)
    groups = context.evaluator.active_properties("AWS::AutoScaling::AutoScalingGroup")
    if not types or not groups:
        return
    size = [_whole(groups, key) for key in ("MinSize", "MaxSize")]
    vcpus = _vcpus_of(context, types)
    spot = uses_spot(context)
    for pattern, spot_code, on_demand_code, words in _VCPUS:
        family = [vcpus[name] for name in types if name in vcpus and re.match(pattern, name)]
        types = [name for name in types if not re.match(pattern, name)]
        if family:
            quota = _quota(context, "ec2", spot_code if spot else on_demand_code)
            yield _vcpu_result(words, spot, quota, size, max(family))


def _vcpu_result(words: str, spot: bool, quota: float, size: list[int], each: int) -> CheckResult:
    least, most = size
    name = f"quota {'spot' if spot else 'on-demand'} vCPUs, {words}"
    message = f"{quota:.0f}; the group takes {least * each} to {most * each}"
    remedy = "raise it in the Service Quotas console, or lower MaxSize or the instance type"
    if least * each > quota:
        return CheckResult.failed(name, message, remedy)
    if most * each > quota:
        return CheckResult.warning(name, message, remedy)
    return CheckResult.passed(name, message)


def _whole(groups: dict[str, dict[str, Any]], key: str) -> int:
    values = [str(properties.get(key, "0")) for properties in groups.values()]
    return sum(int(value) for value in values if value.isdigit())


def _vcpus_of(context: PreflightContext, types: list[str]) -> dict[str, int]:
    try:
        answer = context.aws.client("ec2").describe_instance_types(InstanceTypes=types)
    except ClientError as error:
        # The check of instance types says that one is unknown.
        if error_code(error) == "InvalidInstanceType":
            return {}
        raise
    return {
        entry["InstanceType"]: entry["VCpuInfo"]["DefaultVCpus"]
        for entry in answer["InstanceTypes"]
    }


def _quota(context: PreflightContext, service: str, code: str) -> float:
    quotas = context.aws.client("service-quotas")
    arguments = {"ServiceCode": service, "QuotaCode": code}
    try:
        answer = quotas.get_service_quota(**arguments)
    except ClientError as error:
        # An account that never changed the quota may have no value of its own.
        if error_code(error) != "NoSuchResourceException":
            raise
        answer = quotas.get_aws_default_service_quota(**arguments)
    return float(answer["Quota"]["Value"])
