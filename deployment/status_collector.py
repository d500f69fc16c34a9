from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from deployment.aws import Aws
from deployment.clock import Clock
from deployment.image_catalog import ImageCatalog
from deployment.stack_name import check_stack_name
from deployment.stack_state import StackState
from deployment.status_row import StatusRow

_GOOD_STACK = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}
_GOOD_STAGE = {"Succeeded", "InProgress", ""}


class StatusCollector:
    """Gathers what runs from the services that know it.

    Args:
        aws: Account and region.
        clock: Time.
    """

    def __init__(self, aws: Aws, clock: Clock | None = None) -> None:
        self._aws = aws
        self._clock = clock or Clock()

    def collect(self, stack_name: str) -> Iterator[StatusRow]:
        """Gives the rows of a stack: itself, pipeline stages, image, instances."""
        state = StackState.read(self._aws, check_stack_name(stack_name))
        if state is None:
            yield StatusRow(
                "stack", stack_name, "not deployed", f"in {self._aws.region}", well=False
            )
            return
        yield self._stack(state)
        resources = self._resources(state)
        for pipeline in resources.get("AWS::CodePipeline::Pipeline", ()):
            yield from self._stages(pipeline)
        if state.parameters.get("ImageTag"):
            yield self._image(state)
        registered: dict[str, str] | None = None
        for service in resources.get("AWS::ServiceDiscovery::Service", ()):
            registered = {**(registered or {}), **self._registered(service)}
        for group in resources.get("AWS::AutoScaling::AutoScalingGroup", ()):
            yield from self._instances(group, registered)

    def _stack(self, state: StackState) -> StatusRow:
        changed = f"changed {self._age(state.changed)} ago" if state.changed else ""
        protected = ", protected" if state.protected else ""
        return StatusRow(
            "stack",
            state.name,
            state.status,
            f"{changed}{protected} {state.reason}".strip(),
            well=state.status in _GOOD_STACK or state.in_progress,
        )

    def _resources(self, state: StackState) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        pages = self._aws.client("cloudformation").get_paginator("list_stack_resources")
        for page in pages.paginate(StackName=state.stack_id):
            for resource in page["StackResourceSummaries"]:
                if resource.get("PhysicalResourceId"):
                    ids = found.setdefault(resource["ResourceType"], [])
                    ids.append(resource["PhysicalResourceId"])
        return found

    def _stages(self, pipeline: str) -> Iterator[StatusRow]:
        answer = self._aws.client("codepipeline").get_pipeline_state(name=pipeline)
        for stage in answer["stageStates"]:
            actions = stage.get("actionStates", ())
            status = stage.get("latestExecution", {}).get("status", "")
            times = [
                action["latestExecution"]["lastStatusChange"]
                for action in actions
                if "lastStatusChange" in action.get("latestExecution", {})
            ]
            errors = [
                action["latestExecution"]["errorDetails"].get("message", "")
                for action in actions
                if "errorDetails" in action.get("latestExecution", {})
            ]
            age = f"{self._age(max(times))} ago" if times else ""
            yield StatusRow(
                "stage",
                stage["stageName"],
                status or "never ran",
                " ".join([age, *errors]).strip(),
                well=status in _GOOD_STAGE,
            )

    def _image(self, state: StackState) -> StatusRow:
        repository = state.parameters.get("EcrRepositoryName", "llm-service")
        tag = state.parameters["ImageTag"]
        image = ImageCatalog(self._aws, repository).find(tag)
        if image is None:
            return StatusRow("image", f"{repository}:{tag}", "missing", "not in ECR", well=False)
        tags = ", ".join(other for other in image.tags if other != tag)
        also = f", also {tags}" if tags else ""
        detail = f"pushed {self._age(image.pushed)} ago, {image.size / 1e6:.0f} MB{also}"
        return StatusRow("image", f"{repository}:{tag}", "deployed", detail)

    def _registered(self, service: str) -> dict[str, str]:
        pages = self._aws.client("servicediscovery").get_paginator("list_instances")
        statuses = self._aws.client("servicediscovery").get_instances_health_status
        ids = [
            entry["Id"] for page in pages.paginate(ServiceId=service) for entry in page["Instances"]
        ]
        if not ids:
            return {}
        health: dict[str, str] = statuses(ServiceId=service).get("Status", {})
        return {instance: health.get(instance, "UNKNOWN") for instance in ids}

    def _instances(self, group: str, registered: dict[str, str] | None) -> Iterator[StatusRow]:
        answer = self._aws.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[group]
        )
        for description in answer["AutoScalingGroups"]:
            sizes = (description["MinSize"], description["DesiredCapacity"], description["MaxSize"])
            members = description["Instances"]
            yield StatusRow(
                "group",
                group,
                f"{len(members)} of {sizes[1]}",
                f"between {sizes[0]} and {sizes[2]}",
                well=len(members) >= sizes[1],
            )
            for member in members:
                yield self._instance(member, registered)

    def _instance(self, member: dict[str, Any], registered: dict[str, str] | None) -> StatusRow:
        name = member["InstanceId"]
        facts = (member.get("InstanceType", ""), member["AvailabilityZone"], member["HealthStatus"])
        detail = " ".join(facts)
        well = member["HealthStatus"].upper() == "HEALTHY"
        if registered is not None:
            found = registered.get(name, "not registered")
            detail += f", discovery: {found}"
            well = well and found == "HEALTHY"
        return StatusRow("instance", name, member["LifecycleState"], detail.strip(), well=well)

    def _age(self, moment: datetime) -> str:
        return age_text(self._clock.now() - moment)


def age_text(age: timedelta) -> str:
    """Returns a duration in its largest unit, for example "3 h"."""
    seconds = max(int(age.total_seconds()), 0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
