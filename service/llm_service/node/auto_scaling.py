from __future__ import annotations

import logging

from botocore.exceptions import ClientError

from llm_service.node.aws_api import AwsApi, error_code

logger = logging.getLogger(__name__)


class AutoScaling:
    """What the agent asks and tells the Auto Scaling group of its instance.

    All methods raise botocore.exceptions.ClientError or BotoCoreError when a call failed.

    Args:
        api: The AWS calls.
        instance_id: This instance.
        hook_name: The group's termination hook; empty when it has none.
    """

    def __init__(self, api: AwsApi, instance_id: str, hook_name: str) -> None:
        self._api = api
        self._instance_id = instance_id
        self._hook_name = hook_name
        self._group_name: str | None = None

    async def group_name(self) -> str | None:
        """Returns the name of the group, or None when the instance belongs to none."""
        if self._group_name is None:
            answer = await self._api.call(
                "autoscaling", "describe_auto_scaling_instances", InstanceIds=[self._instance_id]
            )
            for instance in answer["AutoScalingInstances"]:
                self._group_name = str(instance["AutoScalingGroupName"])
        return self._group_name

    async def desired_capacity(self) -> int | None:
        """Returns how many instances the group should have, or None when there is no group."""
        name = await self.group_name()
        if name is None:
            return None
        answer = await self._api.call(
            "autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[name]
        )
        for group in answer["AutoScalingGroups"]:
            return int(group["DesiredCapacity"])
        return None

    async def set_unhealthy(self) -> None:
        """Has the group replace this instance; its grace period is respected."""
        await self._api.call(
            "autoscaling",
            "set_instance_health",
            InstanceId=self._instance_id,
            HealthStatus="Unhealthy",
            ShouldRespectGracePeriod=True,
        )

    async def heartbeat(self) -> None:
        """Extends the termination hook's wait by its timeout; without a wait, does nothing."""
        await self._lifecycle_call("record_lifecycle_action_heartbeat")

    async def complete_lifecycle_action(self) -> bool:
        """Lets the termination go on; returns False when there was no wait to end."""
        return await self._lifecycle_call(
            "complete_lifecycle_action", LifecycleActionResult="CONTINUE"
        )

    async def _lifecycle_call(self, operation: str, **parameters: str) -> bool:
        name = await self.group_name()
        if name is None or not self._hook_name:
            return False
        try:
            await self._api.call(
                "autoscaling",
                operation,
                AutoScalingGroupName=name,
                LifecycleHookName=self._hook_name,
                InstanceId=self._instance_id,
                **parameters,
            )
        except ClientError as error:
            # The answer when no lifecycle action is under way for this instance.
            if error_code(error) != "ValidationError":
                raise
            logger.info("no lifecycle action", extra={"operation": operation, "reason": str(error)})
            return False
        return True
