from __future__ import annotations

import asyncio
import logging

from botocore.exceptions import BotoCoreError, ClientError

from llm_service.node.auto_scaling import AutoScaling
from llm_service.node.instance_metadata import InstanceMetadata
from llm_service.node.leave_reason import LeaveReason
from llm_service.node.metadata_error import MetadataError
from llm_service.node.registration import Registration

logger = logging.getLogger(__name__)


class Notices:
    """Watches the instance metadata for what should take the instance out of service.

    Attributes:
        is_set_aside: Whether the group wants the instance running but without traffic: in standby,
            detached, or in a warm pool.

    Args:
        metadata: The metadata service.
        registration: Counts the other instances.
        auto_scaling: Tells how many there should be.
        interval: Seconds between two looks.
        changed: Set when `is_set_aside` changed.
    """

    def __init__(
        self,
        metadata: InstanceMetadata,
        registration: Registration,
        auto_scaling: AutoScaling,
        interval: float,
        changed: asyncio.Event,
    ) -> None:
        self.is_set_aside = False
        self._metadata = metadata
        self._registration = registration
        self._auto_scaling = auto_scaling
        self._interval = interval
        self._changed = changed

    async def wait(self) -> LeaveReason:
        """Returns once the instance has to leave."""
        while True:
            reason = await self.look()
            if reason is not None:
                return reason
            await asyncio.sleep(self._interval)

    async def wait_for_termination(self) -> None:
        """Returns once the group terminates the instance."""
        reason = None
        while reason is not LeaveReason.TERMINATED:
            await asyncio.sleep(self._interval)
            reason = await self.look()

    async def look(self) -> LeaveReason | None:
        """Looks once; what cannot be read says nothing and is asked for again."""
        try:
            state = await asyncio.to_thread(self._metadata.target_lifecycle_state)
            # An instance of no group serves too, for example one that was started by hand.
            is_set_aside = state not in {None, "InService", "Terminated"}
            if self.is_set_aside != is_set_aside:
                self.is_set_aside = is_set_aside
                self._changed.set()
            if state == "Terminated":
                return LeaveReason.TERMINATED
            if await asyncio.to_thread(self._metadata.spot_interruption) is not None:
                return LeaveReason.SPOT
            if await asyncio.to_thread(self._metadata.rebalance_recommended):
                return await self._rebalance()
        except (OSError, MetadataError) as error:
            logger.warning("instance metadata failed", extra={"reason": str(error)})
        return None

    async def _rebalance(self) -> LeaveReason | None:
        """Leaves on a recommendation only once the group has its number without this instance.

        A recommendation can reach a whole fleet at once; instances that left at its word would
        leave nobody to serve. The group starts replacements for all of them first.
        """
        try:
            desired = await self._auto_scaling.desired_capacity()
            others = await self._registration.other_healthy_instances()
        except (ClientError, BotoCoreError) as error:
            logger.warning("rebalance: others are not known", extra={"reason": str(error)})
            return None
        if desired is None or others < max(desired, 1):
            logger.info("rebalance: no replacement yet", extra={"others": others})
            return None
        return LeaveReason.REBALANCE
