from __future__ import annotations

from collections.abc import Iterator

from deployment.errors import CommandError
from deployment.preflight.check_result import CheckResult
from deployment.preflight.preflight_context import PreflightContext
from deployment.stack_name import check_stack_name
from deployment.stack_tags import check_tags


def check_names(context: PreflightContext) -> Iterator[CheckResult]:
    """Checks the stack's name and tags by AWS's rules."""
    name = context.settings.stack_name
    try:
        check_stack_name(name)
    except CommandError as error:
        yield CheckResult.failed("stack name", error.what, error.remedy)
    else:
        yield CheckResult.passed("stack name", name)
    tags = context.settings.tags or {}
    try:
        check_tags(tags)
    except CommandError as error:
        yield CheckResult.failed("tags", error.what, error.remedy)
    else:
        yield CheckResult.passed("tags", f"{len(tags)} tags")
