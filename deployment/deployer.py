from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from rich.table import Table

from deployment.aws import Aws
from deployment.clock import Clock
from deployment.deploy_choices import DeployChoices
from deployment.deploy_settings import DeploySettings
from deployment.deployment_plan import DeploymentPlan
from deployment.deployment_planner import DeploymentPlanner
from deployment.difference_view import difference_view
from deployment.errors import AwsRefusedError, FindingsError, UsageError
from deployment.image_catalog import ImageCatalog
from deployment.operation_outcome import OperationOutcome
from deployment.output import Output, show
from deployment.result_file import write_file
from deployment.stack_name import check_stack_name
from deployment.stack_operator import StackOperator, failure_of
from deployment.stack_remover import StackRemover
from deployment.stack_state import StackState
from deployment.timeline import Timeline

# The pipeline owns this stack; a hand that deploys it by mistake undoes a release.
PIPELINE_OWNED = "LlmServiceInfraStack"
MANUAL_DEPLOY = "MANUAL_DEPLOY"
IMAGE_TAG = "ImageTag"
REPOSITORY = "EcrRepositoryName"


class Deployer:
    """Creates and updates stacks.

    Args:
        aws: Account and region.
        output: Where words and results go.
        clock: Time.
    """

    def __init__(self, aws: Aws, output: Output, clock: Clock | None = None) -> None:
        self._aws = aws
        self._output = output
        self._planner = DeploymentPlanner(aws, clock)
        self._operator = StackOperator(aws, output, clock)
        self._remover = StackRemover(aws, output, clock)

    def deploy(self, settings: DeploySettings, choices: DeployChoices) -> None:
        """Brings a stack to what is asked, or says why not.

        Raises:
            UsageError: An argument is wrong.
            AwsRefusedError: AWS accepts no such change.
            DeploymentFailedError: The change began and failed.
        """
        check_owner(check_stack_name(settings.stack_name))
        if choices.recreate:
            self._remove_remains(settings, choices)
        if choices.rollback_to:
            settings = self._rollback(settings, choices.rollback_to)
        elif choices.preflight:
            self._preflight(settings)
        with self._output.working(f"Working out the changes to {settings.stack_name}"):
            plan = self._planner.plan(settings)
        for note in plan.notes:
            self._output.note(note)
        if plan.change_set is None:
            self._finish(settings, choices, None)
            return
        show(self._output.err, difference_view(plan.difference))
        if not choices.execute:
            self._leave_waiting(plan)
            return
        self._confirm(plan, choices)
        outcome = self._operator.execute(plan)
        self._draw(settings.stack_name, outcome, choices.timeline_file)
        if not outcome.succeeded:
            raise failure_of(outcome, settings.stack_name)
        self._finish(settings, choices, outcome)

    def _remove_remains(self, settings: DeploySettings, choices: DeployChoices) -> None:
        state = StackState.read(self._aws, settings.stack_name)
        if state is not None and state.broken:
            self._remover.remove(state, yes=choices.yes)

    def _rollback(self, settings: DeploySettings, reference: str) -> DeploySettings:
        state = StackState.read(self._aws, settings.stack_name)
        if state is None or IMAGE_TAG not in state.parameters:
            raise UsageError(
                f"{settings.stack_name} is not deployed with a parameter {IMAGE_TAG}",
                where="--rollback-to",
                remedy="name the stack that runs the service, and check --region",
            )
        repository = state.parameters.get(REPOSITORY, "llm-service")
        ImageCatalog(self._aws, repository).require(reference, where="--rollback-to")
        parameters = {**settings.parameters, IMAGE_TAG: reference}
        return replace(settings, template=None, parameters=parameters)

    def _preflight(self, settings: DeploySettings) -> None:
        from deployment.preflight.preflight import Preflight  # noqa: PLC0415  # imports every check

        with self._output.working("Checking the account"):
            results = Preflight(self._aws).run(settings)
        failed = [result for result in results if result.blocks]
        for result in results:
            if result.is_warning:
                self._output.warn(f"{result.name}: {result.message}. {result.remedy}")
        if failed:
            raise FindingsError(
                f"{len(failed)} checks failed, so nothing was begun",
                where=settings.stack_name,
                remedy="do what the lines say, or give --skip-preflight",
                detail=tuple(f"{item.name}: {item.message}. {item.remedy}" for item in failed),
            )

    def _leave_waiting(self, plan: DeploymentPlan) -> None:
        assert plan.change_set is not None, "only a change set can wait"
        arn = plan.change_set.arn
        self._output.note(
            f"not executed; to do so: aws cloudformation execute-change-set --change-set-name {arn}"
        )
        self._output.result({**plan.difference.to_dict(), "change_set": arn}, arn)

    def _confirm(self, plan: DeploymentPlan, choices: DeployChoices) -> None:
        assert plan.change_set is not None, "only a change set can be refused"
        try:
            agreed = choices.yes or self._output.confirm(f"Deploy {plan.settings.stack_name}?")
        except BaseException:
            plan.change_set.discard()
            raise
        if not agreed:
            plan.change_set.discard()
            raise FindingsError(
                "not deployed: the answer was no; the change set is removed",
                where=plan.settings.stack_name,
                remedy="run it again when the changes are wanted",
            )

    def _draw(self, name: str, outcome: OperationOutcome, path: Path | None) -> None:
        if path:
            write_file(path, Timeline(f"{name}: {outcome.status}", outcome.events).to_svg())

    def _finish(
        self, settings: DeploySettings, choices: DeployChoices, outcome: OperationOutcome | None
    ) -> None:
        cloudformation = self._aws.client("cloudformation")
        name = settings.stack_name
        if settings.stack_policy is not None:
            policy = json.dumps(settings.stack_policy)
            cloudformation.set_stack_policy(StackName=name, StackPolicyBody=policy)
        if choices.protect:
            cloudformation.update_termination_protection(
                StackName=name, EnableTerminationProtection=True
            )
        state = StackState.read(self._aws, name)
        if state is None:
            raise AwsRefusedError(
                f"{name} is gone", remedy="look who deleted it: CloudTrail, DeleteStack"
            )
        if choices.outputs_file:
            write_file(
                choices.outputs_file, json.dumps({name: dict(state.outputs)}, indent=2) + "\n"
            )
        self._output.note(
            f"{name}: nothing to do" if outcome is None else f"{name}: {state.status}"
        )
        self._output.result(
            {
                "stack": name,
                "stack_id": state.stack_id,
                "status": state.status,
                "changed": outcome is not None,
                "outputs": dict(state.outputs),
            },
            _outputs_table(state),
        )


def check_owner(stack_name: str) -> None:
    """Refuses to touch the pipeline's stack by hand unless that is meant.

    Raises:
        UsageError: MANUAL_DEPLOY is not "true".
    """
    # Other environments' stacks carry the environment behind that name.
    if (
        stack_name.startswith(PIPELINE_OWNED)
        and os.environ.get(MANUAL_DEPLOY, "").lower() != "true"
    ):
        raise UsageError(
            f"{stack_name} is deployed by the pipeline",
            where=f"environment variable {MANUAL_DEPLOY}",
            remedy=f"push to the repository, or set {MANUAL_DEPLOY}=true to deploy by hand",
        )


def _outputs_table(state: StackState) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in sorted(state.outputs.items()):
        table.add_row(key, value)
    return table
