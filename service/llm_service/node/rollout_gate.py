from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from llm_service.node.aws_api import AwsApi, error_code
from llm_service.node.backoff import Backoff
from llm_service.node.health_tracker import HealthTracker
from llm_service.node.server_log import ServerLog

logger = logging.getLogger(__name__)

LOG_LINES = 20


class RolloutGate:
    """Tells CloudFormation once whether this instance came up, so that a roll-out goes on or back.

    The signal is sent once in an instance's life, across restarts of the agent: a second SUCCESS
    of an old instance during a later roll-out could be taken for one of the new instances'.

    Args:
        api: The AWS calls.
        stack_name: Name or ARN of the stack.
        logical_id: Logical id of the group; empty sends no signal.
        instance_id: This instance, which is the signal's unique id.
        record_file: File that remembers the signal.
        health: Tells why the server does not serve.
        server_log: Tells more of it.
    """

    def __init__(
        self,
        api: AwsApi,
        *,
        stack_name: str,
        logical_id: str,
        instance_id: str,
        record_file: Path,
        health: HealthTracker,
        server_log: ServerLog,
    ) -> None:
        self._api = api
        self._stack_name = stack_name
        self._logical_id = logical_id
        self._instance_id = instance_id
        self._record_file = record_file
        self._health = health
        self._server_log = server_log

    async def run(self, in_service: asyncio.Event, deadline_seconds: float) -> None:
        """Waits for the instance to be in service and signals; signals failure at the deadline.

        Args:
            in_service: Set once the server serves and Cloud Map says so.
            deadline_seconds: Seconds from now until the instance has failed.
        """
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(in_service.wait(), deadline_seconds)
        if not in_service.is_set():
            # Before the signal, which ends the instance. The signal itself has no room for a
            # reason.
            logger.error(
                "the instance did not come up",
                extra={
                    "seconds": deadline_seconds,
                    "server_healthy": self._health.healthy,
                    "reason": self._health.last_failure,
                    "server_log": self._server_log.last_lines(LOG_LINES),
                },
            )
        if self._logical_id and self._stack_name and not self._record_file.exists():
            await self._signal("SUCCESS" if in_service.is_set() else "FAILURE")

    async def _signal(self, status: str) -> None:
        backoff = Backoff(base=1, cap=20)
        while True:
            try:
                await self._api.call(
                    "cloudformation",
                    "signal_resource",
                    StackName=self._stack_name,
                    LogicalResourceId=self._logical_id,
                    UniqueId=self._instance_id,
                    Status=status,
                )
                logger.info("signalled", extra={"status": status})
                break
            except (ClientError, BotoCoreError) as error:
                if isinstance(error, ClientError) and error_code(error) == "ValidationError":
                    # No roll-out is waiting: the group replaced or added an instance by itself.
                    logger.info("no roll-out to signal", extra={"reason": str(error)})
                    break
                logger.warning("signal failed", extra={"status": status, "reason": str(error)})
                await asyncio.sleep(backoff.next())
        self._remember(status)

    def _remember(self, status: str) -> None:
        try:
            self._record_file.parent.mkdir(parents=True, exist_ok=True)
            self._record_file.write_text(status + "\n", encoding="utf-8")
        except OSError:
            logger.exception("the signal cannot be remembered")
