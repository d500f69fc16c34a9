from __future__ import annotations

from collections.abc import Iterator

from deployment.preflight.check_result import CheckResult
from deployment.preflight.preflight_context import PreflightContext
from deployment.template_evaluator import dig
from deployment.template_source import MAX_INLINE_BYTES

MAX_USER_DATA_BYTES = 16_384
# An ARN or id that AWS decides is seldom longer.
PLACEHOLDER = "x" * 128


def check_sizes(context: PreflightContext) -> Iterator[CheckResult]:
    """Checks template and user data against what CloudFormation and EC2 take."""
    size = context.template.size
    message = f"{size:,} bytes"
    if size > MAX_INLINE_BYTES:
        message += f": above {MAX_INLINE_BYTES:,}, so it goes through the bucket"
    yield CheckResult.passed("template size", message)
    evaluator = context.evaluator_with(placeholder=PLACEHOLDER)
    types = ("AWS::EC2::LaunchTemplate", "AWS::EC2::Instance")
    for logical_id, properties in evaluator.active_properties(*types).items():
        text = dig(properties.get("LaunchTemplateData", properties), "UserData")
        if isinstance(text, str):
            yield _user_data(logical_id, len(text.encode()))


def _user_data(logical_id: str, size: int) -> CheckResult:
    name, message = (
        "user data size",
        f"{logical_id}: about {size:,} of {MAX_USER_DATA_BYTES:,} bytes",
    )
    if size > MAX_USER_DATA_BYTES:
        return CheckResult.failed(
            name, message, "shorten the script or the parameters that go into it"
        )
    return CheckResult.passed(name, message)
