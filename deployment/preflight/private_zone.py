from __future__ import annotations

from collections.abc import Iterator

from deployment.preflight.check_result import CheckResult
from deployment.preflight.preflight_context import PreflightContext

NAME = "private zone"
NAMESPACE = "AWS::ServiceDiscovery::PrivateDnsNamespace"


def check_private_zone(context: PreflightContext) -> Iterator[CheckResult]:
    """Checks that the VPC has no private zone of the namespace's name yet.

    Route 53 associates one zone of a name with a VPC; a second fails while the stack is made.
    """
    namespaces = context.evaluator.active_properties(NAMESPACE)
    if not namespaces:
        yield CheckResult.skipped(NAME, "the stack makes none")
        return
    if context.is_deployed(NAMESPACE):
        yield CheckResult.passed(NAME, "the stack has it already")
        return
    for properties in namespaces.values():
        name, vpc = properties.get("Name"), properties.get("Vpc")
        if not isinstance(vpc, str):
            yield CheckResult.passed(NAME, f"{name}: the VPC is new")
        else:
            yield _check(context, str(name), vpc)


def _check(context: PreflightContext, name: str, vpc: str) -> CheckResult:
    answer = context.aws.client("route53").list_hosted_zones_by_vpc(
        VPCId=vpc, VPCRegion=context.aws.region
    )
    zones = {summary["Name"].rstrip(".") for summary in answer["HostedZoneSummaries"]}
    if name.rstrip(".") in zones:
        return CheckResult.failed(
            NAME,
            f"{vpc} has a private zone {name} already",
            "choose another name for the namespace or another VPC, or delete the old zone",
        )
    return CheckResult.passed(NAME, f"{name}: free in {vpc}")
