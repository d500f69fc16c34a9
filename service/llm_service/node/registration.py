from __future__ import annotations

import asyncio
import logging
import time
import uuid
from typing import Any

from botocore.exceptions import ClientError

from llm_service.node.aws_api import AwsApi, error_code
from llm_service.node.instance_identity import InstanceIdentity
from llm_service.node.registration_error import RegistrationError

logger = logging.getLogger(__name__)

OPERATION_POLL_SECONDS = 0.5
# Cloud Map needs seconds, rarely a minute; an operation that takes longer is looked at anew.
OPERATION_SECONDS = 120.0


class Registration:
    """This instance's entry in Cloud Map, kept equal to what it should be.

    The entry is compared with the truth first and written only when it differs: an agent that is
    started again must not take a serving instance out of DNS by registering it as unhealthy.

    One call runs at a time, so that a removal always comes after a registration that is under way.

    Args:
        api: The AWS calls.
        service_id: The Cloud Map service.
        identity: This instance.
    """

    def __init__(self, api: AwsApi, service_id: str, identity: InstanceIdentity) -> None:
        self._api = api
        self._service_id = service_id
        self._identity = identity
        self._lock = asyncio.Lock()
        self._is_removed = False
        self._is_verified = False
        self._reported: str | None = None

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes that the entry must have, beside the initial health."""
        return {
            "AWS_INSTANCE_IPV4": self._identity.private_ip,
            "AVAILABILITY_ZONE": self._identity.availability_zone,
        }

    async def reconcile(self, healthy: bool | None, verify: bool) -> None:
        """Makes Cloud Map say what is true.

        Args:
            healthy: Whether clients should be sent here. None when that is not known yet: a new
                entry starts as unhealthy then, and one that is there keeps its health.
            verify: Whether to look at the entry even when it was right the last time.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: When a call failed.
            RegistrationError: When Cloud Map did not carry out the registration.
        """
        wanted = "HEALTHY" if healthy else "UNHEALTHY"
        async with self._lock:
            if self._is_removed:
                return
            # News first: an API that throttles may refuse what comes after it.
            if self._is_verified and not self._is_told(healthy):
                await self._report(wanted)
            if verify or not self._is_verified:
                await self._verify(wanted)
            if not self._is_told(healthy):
                await self._report(wanted)

    async def remove(self) -> None:
        """Deregisters for good: later calls of `reconcile` do nothing.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: When a call failed.
            RegistrationError: When Cloud Map did not carry out the removal.
        """
        # Before the lock, because it also ends a registration that still waits for Cloud Map.
        self._is_removed = True
        async with self._lock:
            await self._deregister(self._identity.instance_id)

    async def other_healthy_instances(self) -> int:
        """Returns how many other instances of the service are healthy.

        Raises:
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError: When a call failed.
        """
        statuses: dict[str, str] = {}
        page: dict[str, str] = {}
        while True:
            answer = await self._cloud_map("get_instances_health_status", **page)
            statuses.update(answer.get("Status", {}))
            if not answer.get("NextToken"):
                break
            page = {"NextToken": str(answer["NextToken"])}
        statuses.pop(self._identity.instance_id, None)
        return sum(status == "HEALTHY" for status in statuses.values())

    def _is_told(self, healthy: bool | None) -> bool:
        return healthy is None or self._reported == ("HEALTHY" if healthy else "UNHEALTHY")

    async def _verify(self, wanted: str) -> None:
        """Looks at the entry, and registers when there is none or it is not right."""
        instance_id = self._identity.instance_id
        try:
            answer = await self._cloud_map("get_instance", InstanceId=instance_id)
            found = answer["Instance"].get("Attributes", {})
            problem = "is wrong" if self.attributes.items() - found.items() else None
        except ClientError as error:
            if error_code(error) != "InstanceNotFound":
                raise
            problem = "is missing"
        if problem:
            self._is_verified = False
            logger.info("the entry in Cloud Map %s: registering", problem)
            await self._register(wanted)
        else:
            answer = await self._cloud_map("get_instances_health_status", Instances=[instance_id])
            self._reported = answer.get("Status", {}).get(instance_id)
        self._is_verified = True

    async def _register(self, wanted: str) -> None:
        await self._remove_namesakes()
        started = time.monotonic()
        operation_id = await self._changed(
            "register_instance",
            InstanceId=self._identity.instance_id,
            CreatorRequestId=str(uuid.uuid4()),
            # Without it an instance starts as healthy, before its model is loaded.
            Attributes={**self.attributes, "AWS_INIT_HEALTH_STATUS": wanted},
        )
        await self._await_operation(operation_id, unless_removed=True)
        self._reported = wanted
        logger.info(
            "registered",
            extra={"health": wanted, "seconds": round(time.monotonic() - started, 1)},
        )

    async def _remove_namesakes(self) -> None:
        """Removes entries of ended instances whose address was given to this one.

        Such an entry would keep sending clients here whatever this instance's health.
        """
        page: dict[str, str] = {}
        while True:
            answer = await self._cloud_map("list_instances", **page)
            for instance in answer["Instances"]:
                has_my_address = (
                    instance.get("Attributes", {}).get("AWS_INSTANCE_IPV4")
                    == self._identity.private_ip
                )
                if has_my_address and instance["Id"] != self._identity.instance_id:
                    logger.warning("removing an ended instance", extra={"other": instance["Id"]})
                    await self._deregister(instance["Id"])
            if not answer.get("NextToken"):
                return
            page = {"NextToken": str(answer["NextToken"])}

    async def _report(self, wanted: str) -> None:
        try:
            await self._cloud_map(
                "update_instance_custom_health_status",
                InstanceId=self._identity.instance_id,
                Status=wanted,
            )
        except ClientError as error:
            if error_code(error) == "InstanceNotFound":
                self._is_verified = False
            raise
        self._reported = wanted
        logger.info("reported", extra={"health": wanted})

    async def _deregister(self, instance_id: str) -> None:
        try:
            operation_id = await self._changed("deregister_instance", InstanceId=instance_id)
        except ClientError as error:
            if error_code(error) == "InstanceNotFound":
                return
            raise
        await self._await_operation(operation_id)
        logger.info("deregistered", extra={"removed": instance_id})

    async def _changed(self, operation: str, **parameters: Any) -> str:
        """Starts a change; returns the id of its operation, or of the same one under way."""
        try:
            answer = await self._cloud_map(operation, **parameters)
        except ClientError as error:
            if error_code(error) == "DuplicateRequest":
                return str(error.response.get("DuplicateOperationId", ""))
            raise
        return str(answer["OperationId"])

    async def _await_operation(self, operation_id: str, unless_removed: bool = False) -> None:
        deadline = time.monotonic() + OPERATION_SECONDS
        while True:
            answer = await self._api.call(
                "servicediscovery", "get_operation", OperationId=operation_id
            )
            operation = answer["Operation"]
            if operation["Status"] == "SUCCESS":
                return
            if operation["Status"] == "FAIL":
                raise RegistrationError(
                    f"operation {operation_id} failed: {operation.get('ErrorCode')}:"
                    f" {operation.get('ErrorMessage')}"
                )
            if unless_removed and self._is_removed:
                raise RegistrationError("the instance leaves before its registration is done")
            if time.monotonic() > deadline:
                raise RegistrationError(
                    f"operation {operation_id} is {operation['Status']} after"
                    f" {OPERATION_SECONDS:g} s"
                )
            await asyncio.sleep(OPERATION_POLL_SECONDS)

    async def _cloud_map(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return await self._api.call(
            "servicediscovery", operation, ServiceId=self._service_id, **parameters
        )
