from __future__ import annotations

import asyncio
import logging

from botocore.exceptions import BotoCoreError, ClientError

from llm_service.node.auto_scaling import AutoScaling
from llm_service.node.backoff import Backoff
from llm_service.node.cancellation import cancel_all
from llm_service.node.drain_request import DrainRequest
from llm_service.node.leave_reason import LeaveReason
from llm_service.node.registration import Registration
from llm_service.node.registration_error import RegistrationError
from llm_service.node.settings import Settings

logger = logging.getLogger(__name__)

# What a spot reclaim leaves for the deregistration before draining matters more. The Lambda
# deregisters what is left after the instance's end.
DEREGISTER_SECONDS = 30.0
# The host needs a moment to see the request, and the container one to end.
STOP_MARGIN_SECONDS = 20.0


class Departure:
    """Takes the instance out of service, in the order that loses no answer.

    Deregister, wait until no client can have the address from DNS any more, have the server finish
    what runs and stop, let the group terminate the instance. While it takes, the group's
    termination hook is kept waiting by heartbeats.

    Args:
        settings: Times.
        registration: This instance's entry in Cloud Map.
        auto_scaling: The group.
        drain_request: Stops the server.
    """

    def __init__(
        self,
        settings: Settings,
        registration: Registration,
        auto_scaling: AutoScaling,
        drain_request: DrainRequest,
    ) -> None:
        self._settings = settings
        self._registration = registration
        self._auto_scaling = auto_scaling
        self._drain_request = drain_request

    async def run(self, reason: LeaveReason) -> None:
        """Leaves, whatever fails on the way."""
        logger.info("leaving", extra={"reason": reason.value})
        heartbeats = asyncio.create_task(self._heartbeats())
        try:
            if not await self._deregister(DEREGISTER_SECONDS):
                logger.error("still registered; the server is drained all the same")
            await asyncio.sleep(self._settings.record_ttl_seconds)
            self._drain_request.send()
            if reason is LeaveReason.STOPPED:
                # Nothing to complete, and at a shutdown systemd stops the server by itself, but
                # only after the agent.
                return
            seconds = self._settings.drain_seconds + STOP_MARGIN_SECONDS
            if await self._drain_request.await_stop(seconds):
                logger.info("the server has stopped")
            else:
                logger.error("the server did not stop in time", extra={"seconds": seconds})
            await self._deregister(DEREGISTER_SECONDS)
        finally:
            await cancel_all([heartbeats])
        await self.complete()

    async def complete(self) -> None:
        """Lets the group's termination go on; tries until the group has answered."""
        backoff = Backoff(base=1, cap=10)
        while True:
            try:
                completed = await self._auto_scaling.complete_lifecycle_action()
            except (ClientError, BotoCoreError) as error:
                logger.warning("lifecycle action failed", extra={"reason": str(error)})
                await asyncio.sleep(backoff.next())
            else:
                if completed:
                    logger.info("lifecycle action completed")
                return

    async def _deregister(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._deregister_until_done(), seconds)
        except asyncio.TimeoutError:
            return False
        return True

    async def _deregister_until_done(self) -> None:
        backoff = Backoff(base=0.5, cap=5)
        while True:
            try:
                await self._registration.remove()
            except (ClientError, BotoCoreError, RegistrationError) as error:
                logger.warning("deregistration failed", extra={"reason": str(error)})
                await asyncio.sleep(backoff.next())
            else:
                return

    async def _heartbeats(self) -> None:
        while True:
            await asyncio.sleep(self._settings.heartbeat_seconds)
            try:
                await self._auto_scaling.heartbeat()
            except (ClientError, BotoCoreError) as error:
                logger.warning("heartbeat failed", extra={"reason": str(error)})
