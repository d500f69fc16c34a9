from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployment.aws import Aws
from deployment.change_set import ChangeSet
from deployment.change_set_request import ChangeSetRequest
from deployment.clock import Clock
from deployment.deploy_settings import DeploySettings
from deployment.deployment_plan import DeploymentPlan
from deployment.difference import Difference
from deployment.errors import AwsRefusedError, UsageError
from deployment.parameter_change import ParameterChange
from deployment.parameter_plan import ParameterPlan
from deployment.resource_change import ResourceChange
from deployment.stack_name import check_stack_name
from deployment.stack_state import StackState
from deployment.template_bucket import TemplateBucket
from deployment.template_changes import compare_sections
from deployment.template_evaluator import TemplateEvaluator
from deployment.template_source import TemplateSource
from deployment.template_summary import TemplateSummary


class DeploymentPlanner:
    """Finds out what a deployment would change, by a change set.

    Args:
        aws: Account and region.
        clock: Time.
    """

    def __init__(self, aws: Aws, clock: Clock | None = None) -> None:
        self._aws = aws
        self._clock = clock or Clock()

    def plan(self, settings: DeploySettings) -> DeploymentPlan:
        """Returns the plan, with a change set that the caller executes or discards.

        Raises:
            UsageError: A name or value is wrong.
            AwsRefusedError: The stack is in no state to be changed, or CloudFormation rejects it.
        """
        state = self.usable_state(settings.stack_name)
        url = self._upload(settings)
        request = ChangeSetRequest(
            stack_name=settings.stack_name,
            is_new=state is None or state.is_review,
            template=settings.template,
            template_url=url,
            tags=settings.tags,
            role_arn=settings.role_arn,
            on_failure=settings.on_failure,
        )
        return self._planned(settings, state, request)

    def plan_new(self, settings: DeploySettings) -> DeploymentPlan:
        """Returns what a stack that does not exist would be, and leaves nothing behind in AWS.

        Even a change set would leave the stack's name behind, so none is made: the resources are
        the template's, less those whose condition is false for the parameters given.
        """
        template = _required_template(settings)
        evaluator = TemplateEvaluator(
            template.data, settings.parameters, {"AWS::Region": self._aws.region}
        )
        resources = tuple(
            ResourceChange("Add", logical_id, str(resource.get("Type", "")))
            for logical_id, resource in evaluator.active_resources().items()
        )
        difference = Difference(
            settings.stack_name,
            is_new=True,
            resources=resources,
            sections=tuple(compare_sections({}, template.data)),
        )
        return DeploymentPlan(settings, None, None, difference)

    def usable_state(self, stack_name: str) -> StackState | None:
        """Returns the stack's state when it can be created or updated.

        Raises:
            UsageError: The name is not allowed.
            AwsRefusedError: Something is under way, or the stack can only be deleted.
        """
        state = StackState.read(self._aws, check_stack_name(stack_name))
        if state is None:
            return None
        if state.in_progress:
            raise AwsRefusedError(
                f"{stack_name} is {state.status}: one operation at a time",
                where=f"since {state.changed:%H:%M:%S %Z}" if state.changed else "",
                remedy=f"wait for it: generate.py watch {stack_name}",
            )
        if state.status == "UPDATE_ROLLBACK_FAILED":
            raise AwsRefusedError(
                f"{stack_name} is UPDATE_ROLLBACK_FAILED: {state.reason}",
                remedy="remove the cause, then: aws cloudformation continue-update-rollback "
                f"--stack-name {stack_name}",
            )
        if state.broken:
            raise AwsRefusedError(
                f"{stack_name} is {state.status}: {state.broken}",
                where=state.reason,
                remedy="deploy with --recreate deletes what is left and creates it anew",
            )
        return state

    def _upload(self, settings: DeploySettings) -> str | None:
        if settings.template is None or settings.template.fits_inline:
            return None
        bucket = TemplateBucket(self._aws, settings.bucket)
        bucket.ensure(create=settings.create_bucket)
        return bucket.upload(settings.template, settings.stack_name).url

    def _planned(
        self, settings: DeploySettings, state: StackState | None, request: ChangeSetRequest
    ) -> DeploymentPlan:
        template = (
            {"StackName": settings.stack_name}
            if request.template is None
            else request.template_arguments()
        )
        summary = TemplateSummary.ask(self._aws, template)
        in_use = None if request.is_new else state
        parameters = ParameterPlan.make(summary, settings.parameters, in_use)
        request = replace(request, parameters=parameters.entries, capabilities=summary.capabilities)
        change_set = ChangeSet(self._aws, request, self._clock)
        if not change_set.create():
            nothing = Difference(settings.stack_name, is_new=request.is_new)
            return DeploymentPlan(settings, in_use, None, nothing, parameters.notes)
        try:
            difference = self._difference(settings, in_use, change_set)
        except BaseException:
            change_set.discard()
            raise
        return DeploymentPlan(settings, in_use, change_set, difference, parameters.notes)

    def _difference(
        self, settings: DeploySettings, state: StackState | None, change_set: ChangeSet
    ) -> Difference:
        before = self._deployed_template(state)
        after = settings.template.data if settings.template else before
        return Difference(
            settings.stack_name,
            is_new=state is None,
            resources=change_set.changes(),
            sections=tuple(compare_sections(before, after)),
            parameters=_parameter_changes(settings, state, change_set),
            tags=_tag_changes(state, settings.tags),
        )

    def _deployed_template(self, state: StackState | None) -> Mapping[str, Any]:
        if state is None:
            return {}
        answer = self._aws.client("cloudformation").get_template(
            StackName=state.stack_id, TemplateStage="Original"
        )
        body = answer["TemplateBody"]
        # boto3 parses JSON and leaves YAML as text.
        return body if isinstance(body, Mapping) else TemplateSource(state.name, body).data


def _parameter_changes(
    settings: DeploySettings, state: StackState | None, change_set: ChangeSet
) -> tuple[ParameterChange, ...]:
    if state is None:
        return ()
    after = change_set.parameters(state.parameters)
    changes = (
        ParameterChange(key, state.parameters.get(key), after.get(key))
        for key in sorted({*state.parameters, *after})
    )
    return tuple(
        change
        for change in changes
        # A secret value that was given again may differ or not: it is told, not counted.
        if change.before != change.after or (change.is_hidden and change.key in settings.parameters)
    )


def _tag_changes(
    state: StackState | None, after: Mapping[str, str] | None
) -> tuple[ParameterChange, ...]:
    if state is None or after is None:
        return ()
    return tuple(
        ParameterChange(key, state.tags.get(key), after.get(key))
        for key in sorted({*state.tags, *after})
        if state.tags.get(key) != after.get(key)
    )


def _required_template(settings: DeploySettings) -> TemplateSource:
    if settings.template is None:
        raise UsageError(
            f"stack {settings.stack_name} does not exist, so there is no template to take again",
            where="stack name",
            remedy="check name, --region and --profile",
        )
    return settings.template
