from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from deployment.aws_advice import error_code
from deployment.preflight.check_result import CheckResult
from deployment.preflight.preflight_context import PreflightContext
from deployment.template_evaluator import dig

ROLE = "AWSServiceRoleForEC2Spot"
SERVICE = "spot.amazonaws.com"
NAME = "spot service-linked role"


def check_spot_role(context: PreflightContext) -> Iterator[CheckResult]:
    """Checks the role that spot instances need and that a fresh account lacks.

    It is made here and not in the template, because a template that makes it fails in every
    account that has it.
    """
    if not uses_spot(context):
        yield CheckResult.skipped(NAME, "no spot instances")
        return
    iam = context.aws.client("iam")
    try:
        iam.get_role(RoleName=ROLE)
    except ClientError as error:
        if error_code(error) != "NoSuchEntity":
            raise
        if context.fix:
            iam.create_service_linked_role(AWSServiceName=SERVICE)
            yield CheckResult.passed(NAME, f"{ROLE} is made now")
            return
        yield CheckResult.failed(
            NAME,
            f"the account has no {ROLE}",
            f"preflight --fix makes it, or: aws iam create-service-linked-role "
            f"--aws-service-name {SERVICE}",
        )
    else:
        yield CheckResult.passed(NAME, ROLE)


def uses_spot(context: PreflightContext) -> bool:
    """Says whether a group or launch template of the stack may ask for spot instances."""
    evaluator = context.evaluator
    for group in evaluator.active_properties("AWS::AutoScaling::AutoScalingGroup").values():
        policy = group.get("MixedInstancesPolicy")
        share = dig(policy, "InstancesDistribution", "OnDemandPercentageAboveBaseCapacity")
        # AWS takes 100 where nothing is said.
        if policy is not None and str(100 if share is None else share) != "100":
            return True
    return any(
        dig(template, "LaunchTemplateData", "InstanceMarketOptions", "MarketType") == "spot"
        for template in evaluator.active_properties("AWS::EC2::LaunchTemplate").values()
    )
