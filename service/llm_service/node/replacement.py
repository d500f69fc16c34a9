from __future__ import annotations

import logging
import time

from botocore.exceptions import BotoCoreError, ClientError

from llm_service.node.auto_scaling import AutoScaling
from llm_service.node.health_tracker import HealthTracker
from llm_service.node.server_log import ServerLog

logger = logging.getLogger(__name__)

REPEAT_SECONDS = 60.0
LOG_LINES = 20


class Replacement:
    """Has the group replace an instance whose server stays unhealthy.

    A server that never served gets longer, because it loads a model first. The demand is repeated,
    since the group ignores it during its grace period.

    Args:
        auto_scaling: The group.
        health: The server's health.
        server_log: Tells why.
        first_seconds: Time to become healthy for the first time.
        again_seconds: Time to become healthy again.
    """

    def __init__(
        self,
        auto_scaling: AutoScaling,
        health: HealthTracker,
        server_log: ServerLog,
        first_seconds: float,
        again_seconds: float,
    ) -> None:
        self._auto_scaling = auto_scaling
        self._health = health
        self._server_log = server_log
        self._first_seconds = first_seconds
        self._again_seconds = again_seconds
        self._asked: float | None = None

    @property
    def is_due(self) -> bool:
        """Whether the server has been unhealthy for too long, and the group was not just told."""
        limit = self._again_seconds if self._health.was_healthy else self._first_seconds
        if self._health.seconds_unhealthy < limit:
            return False
        return self._asked is None or time.monotonic() - self._asked > REPEAT_SECONDS

    async def ask_if_due(self) -> None:
        """Marks the instance Unhealthy when that is due; a failed call is repeated later."""
        if not self.is_due:
            return
        self._asked = time.monotonic()
        logger.error(
            "unhealthy for good: the group replaces the instance",
            extra={
                "seconds": round(self._health.seconds_unhealthy),
                "reason": self._health.last_failure,
                "server_log": self._server_log.last_lines(LOG_LINES),
            },
        )
        try:
            await self._auto_scaling.set_unhealthy()
        except (ClientError, BotoCoreError) as error:
            logger.warning("replacement failed", extra={"reason": str(error)})
