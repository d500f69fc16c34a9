from __future__ import annotations

from deployment.aws import Aws
from deployment.clock import Clock
from deployment.deploy_settings import DeploySettings
from deployment.deployment_planner import DeploymentPlanner
from deployment.difference import Difference
from deployment.difference_view import difference_view
from deployment.output import Output
from deployment.stack_name import check_stack_name
from deployment.stack_state import StackState


class Differ:
    """Shows what deploying would change, and leaves nothing behind.

    Args:
        aws: Account and region.
        output: Where the difference goes.
        clock: Time.
    """

    def __init__(self, aws: Aws, output: Output, clock: Clock | None = None) -> None:
        self._aws = aws
        self._output = output
        self._planner = DeploymentPlanner(aws, clock)

    def show(self, settings: DeploySettings) -> Difference:
        """Shows the difference and returns it."""
        with self._output.working(f"Comparing {settings.stack_name}"):
            difference = self._difference(settings)
        self._output.result(difference.to_dict(), difference_view(difference))
        return difference

    def _difference(self, settings: DeploySettings) -> Difference:
        state = StackState.read(self._aws, check_stack_name(settings.stack_name))
        if state is None or state.is_review:
            return self._planner.plan_new(settings).difference
        if state.broken:
            self._output.warn(f"{state.name} is {state.status}: {state.broken}; compared as new")
            return self._planner.plan_new(settings).difference
        plan = self._planner.plan(settings)
        try:
            for note in plan.notes:
                self._output.note(note)
        finally:
            if plan.change_set:
                plan.change_set.discard()
        return plan.difference
