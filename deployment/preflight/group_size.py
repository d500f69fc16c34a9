from __future__ import annotations

from collections.abc import Iterator

from deployment.preflight.check_result import CheckResult
from deployment.preflight.preflight_context import PreflightContext

NAME = "group size"


def check_group_size(context: PreflightContext) -> Iterator[CheckResult]:
    """Checks that a group has room for one more instance than it must keep.

    CloudFormation's rules compare values for equality only, so that a template cannot say this.
    """
    groups = context.evaluator.active_properties("AWS::AutoScaling::AutoScalingGroup")
    if not groups:
        yield CheckResult.skipped(NAME, "the stack has no group of instances")
    for name, properties in groups.items():
        least, most = (str(properties.get(key, "")) for key in ("MinSize", "MaxSize"))
        if not least.isdigit() or not most.isdigit():
            yield CheckResult.skipped(NAME, f"{name}: MinSize {least}, MaxSize {most}")
        elif int(least) >= int(most):
            yield CheckResult.failed(
                NAME,
                f"{name}: MinSize {least} is not below MaxSize {most}",
                "raise MaxSize: a roll-out starts new instances before it ends old ones",
            )
        else:
            yield CheckResult.passed(NAME, f"{least} to {most}")
