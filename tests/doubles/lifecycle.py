from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.responses import AutoScalingResponse
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult, EmptyResult

from tests.doubles.method import as_method


@dataclass
class Lifecycle:
    """Adds to moto what it lacks of a group's lifecycle: hooks that wait, and roll-out signals.

    Attributes:
        waiting: Instances whose termination waits for the hook.
        heartbeats: Instances that sent heartbeats, one entry each.
        completed: Instances whose lifecycle action was completed, with the result.
        signals: Signals that CloudFormation took: unique id and status.
        rollout: Whether a stack operation waits for signals.
    """

    waiting: set[str] = field(default_factory=set)
    heartbeats: list[str] = field(default_factory=list)
    completed: list[tuple[str, str]] = field(default_factory=list)
    signals: list[tuple[str, str]] = field(default_factory=list)
    rollout: bool = True

    def install(self) -> None:
        """Adds the three actions to moto."""
        for response, name, handler in self._actions():
            setattr(response, name, as_method(handler))

    def uninstall(self) -> None:
        """Removes them."""
        for response, name, _ in self._actions():
            delattr(response, name)

    def _actions(self) -> list[tuple[type, str, Callable[[Any], ActionResult]]]:
        return [
            (AutoScalingResponse, "record_lifecycle_action_heartbeat", self._heartbeat),
            (AutoScalingResponse, "complete_lifecycle_action", self._complete),
            (CloudFormationResponse, "signal_resource", self._signal),
        ]

    def _heartbeat(self, response: Any) -> ActionResult:
        self.heartbeats.append(self._waiting_instance(response))
        return EmptyResult()

    def _complete(self, response: Any) -> ActionResult:
        instance_id = self._waiting_instance(response)
        self.waiting.discard(instance_id)
        self.completed.append((instance_id, response._get_param("LifecycleActionResult")))
        return EmptyResult()

    def _waiting_instance(self, response: Any) -> str:
        instance_id = str(response._get_param("InstanceId"))
        if instance_id not in self.waiting:
            raise ValidationError(
                f"No active Lifecycle Action found with instance ID {instance_id}"
            )
        return instance_id

    def _signal(self, response: Any) -> ActionResult:
        if not self.rollout:
            name = response._get_param("LogicalResourceId")
            raise ValidationError(f"Resource {name} is in UPDATE_COMPLETE state")
        self.signals.append((response._get_param("UniqueId"), response._get_param("Status")))
        return EmptyResult()
