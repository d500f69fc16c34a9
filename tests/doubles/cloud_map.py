from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.servicediscovery import models

from tests.doubles.method import as_method


@dataclass
class _Change:
    """A registration or removal that Cloud Map has accepted and not carried out yet."""

    due: float
    instance: tuple[str, str, str]
    operation: Any
    apply: Callable[[], None]


class DuplicateRequestError(JsonRESTError):
    """Cloud Map's answer while the same change of the same instance is under way."""

    def __init__(self, operation_id: str) -> None:
        super().__init__("DuplicateRequest", "The operation is already in progress.")
        self.description = self.description[:-1] + f', "DuplicateOperationId": "{operation_id}"}}'


class CloudMap:
    """Makes moto's Cloud Map behave as the real one where the agent depends on it.

    moto appends a second entry for an id that is registered again, starts every instance as
    HEALTHY, carries changes out at once, and deletes a service that still has instances.

    Attributes:
        operation_seconds: How long a registration or removal takes.
        failures: How many of the next operations end in FAIL.
    """

    def __init__(self) -> None:
        self.operation_seconds = 0.05
        self.failures = 0
        self._changes: list[_Change] = []
        self._originals: dict[str, Any] = {}

    def install(self) -> None:
        """Replaces moto's methods; call `settle` before each request from then on."""
        for name, handler in (
            ("register_instance", self._register),
            ("deregister_instance", self._deregister),
            ("delete_service", self._delete_service),
        ):
            self._originals[name] = getattr(models.ServiceDiscoveryBackend, name)
            setattr(models.ServiceDiscoveryBackend, name, as_method(handler))

    def uninstall(self) -> None:
        """Gives moto its methods back."""
        for name, original in self._originals.items():
            setattr(models.ServiceDiscoveryBackend, name, original)

    def settle(self) -> None:
        """Carries out the changes whose time has come."""
        now = time.monotonic()
        for change in [change for change in self._changes if change.due <= now]:
            self._changes.remove(change)
            if self.failures:
                self.failures -= 1
                change.operation.status = "FAIL"
                continue
            change.apply()
            change.operation.status = "SUCCESS"

    def _register(
        self,
        backend: Any,
        service_id: str,
        instance_id: str,
        creator_request_id: str,
        attributes: dict[str, str],
    ) -> str:
        service = backend.get_service(service_id)

        def apply() -> None:
            instance = models.ServiceInstance(
                service_id, instance_id, creator_request_id, attributes
            )
            instance.health_status = attributes.get("AWS_INIT_HEALTH_STATUS", "HEALTHY")
            others = [other for other in service.instances if other.instance_id != instance_id]
            service.instances = [*others, instance]
            revision = service.instances_revision.get(instance_id, 0)
            service.instances_revision[instance_id] = revision + 1

        return self._accept(backend, "REGISTER_INSTANCE", (service_id, instance_id), apply)

    def _deregister(self, backend: Any, service_id: str, instance_id: str) -> str:
        service = backend.get_service(service_id)
        # Raises InstanceNotFound. One that is under way is a duplicate and not unknown.
        backend.get_instance(service_id, instance_id)

        def apply() -> None:
            service.instances = [
                other for other in service.instances if other.instance_id != instance_id
            ]

        return self._accept(backend, "DEREGISTER_INSTANCE", (service_id, instance_id), apply)

    def _accept(
        self, backend: Any, kind: str, instance: tuple[str, str], apply: Callable[[], None]
    ) -> str:
        key = (kind, *instance)
        for change in self._changes:
            if change.instance == key:
                raise DuplicateRequestError(change.operation.id)
        operation_id = str(backend._create_operation(kind, targets={"INSTANCE": instance[1]}))
        operation = backend.operations[operation_id]
        operation.status = "PENDING"
        due = time.monotonic() + self.operation_seconds
        self._changes.append(_Change(due, key, operation, apply))
        return operation_id

    def _delete_service(self, backend: Any, service_id: str) -> None:
        if backend.get_service(service_id).instances:
            raise JsonRESTError("ResourceInUse", "Service contains registered instances")
        self._originals["delete_service"](backend, service_id)
