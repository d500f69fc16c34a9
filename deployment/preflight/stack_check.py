from __future__ import annotations

from collections.abc import Iterator

from deployment.deployment_planner import DeploymentPlanner
from deployment.errors import CommandError
from deployment.preflight.check_result import CheckResult
from deployment.preflight.preflight_context import PreflightContext

NAME = "stack"


def check_stack(context: PreflightContext) -> Iterator[CheckResult]:
    """Checks that the stack can be created or updated at all."""
    try:
        state = DeploymentPlanner(context.aws).usable_state(context.settings.stack_name)
    except CommandError as error:
        yield CheckResult.failed(NAME, error.what, error.remedy)
        return
    yield CheckResult.passed(NAME, state.status if state else "does not exist yet")
