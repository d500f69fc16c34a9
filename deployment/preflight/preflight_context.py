from __future__ import annotations

from functools import cached_property
from typing import Any

from deployment.aws import Aws
from deployment.deploy_settings import DeploySettings
from deployment.errors import UsageError
from deployment.stack_state import StackState
from deployment.template_evaluator import TemplateEvaluator
from deployment.template_source import TemplateSource


class PreflightContext:
    """What every check looks at.

    Args:
        aws: Account and region.
        settings: The deployment to come.
        fix: Whether a check may make what is missing and costs nothing.
    """

    def __init__(self, aws: Aws, settings: DeploySettings, *, fix: bool = False) -> None:
        self.aws = aws
        self.settings = settings
        self.fix = fix

    @property
    def template(self) -> TemplateSource:
        """The template to be deployed.

        Raises:
            UsageError: There is none: the deployed template is taken again.
        """
        if self.settings.template is None:
            raise UsageError("no template to check", remedy="name a stack or a template")
        return self.settings.template

    @cached_property
    def state(self) -> StackState | None:
        """The deployed stack; None where there is none or it holds nothing."""
        state = StackState.read(self.aws, self.settings.stack_name)
        return None if state is None or state.is_review else state

    @cached_property
    def zones(self) -> list[str]:
        """The region's availability zones that are available, sorted."""
        answer = self.aws.client("ec2").describe_availability_zones(
            Filters=[
                {"Name": "state", "Values": ["available"]},
                {"Name": "zone-type", "Values": ["availability-zone"]},
            ]
        )
        return sorted(zone["ZoneName"] for zone in answer["AvailabilityZones"])

    @cached_property
    def evaluator(self) -> TemplateEvaluator:
        """Resolves the template with the values that it would be deployed with."""
        return self.evaluator_with(zones=self.zones)

    def evaluator_with(self, **others: Any) -> TemplateEvaluator:
        """Returns an evaluator with the values that the template would be deployed with.

        Args:
            others: Further arguments of TemplateEvaluator.
        """
        in_use = self.state.parameters if self.state else {}
        pseudo = {
            "AWS::Region": self.aws.region,
            "AWS::AccountId": self.aws.account,
            "AWS::Partition": self.aws.partition,
            "AWS::StackName": self.settings.stack_name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        values = {**in_use, **self.settings.parameters}
        return TemplateEvaluator(self.template.data, values, pseudo, **others)

    def parameter(self, name: str) -> str:
        """Returns a parameter's value; empty when the template has no such parameter."""
        return self.evaluator.parameters.get(name, "")

    def is_deployed(self, type_name: str) -> bool:
        """Says whether the deployed stack already holds a resource of a type."""
        if self.state is None:
            return False
        pages = self.aws.client("cloudformation").get_paginator("list_stack_resources")
        return any(
            resource["ResourceType"] == type_name
            for page in pages.paginate(StackName=self.state.stack_id)
            for resource in page["StackResourceSummaries"]
        )
