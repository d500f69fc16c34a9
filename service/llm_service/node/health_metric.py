from __future__ import annotations

import asyncio
import logging
import time

from llm_service.node.health_tracker import HealthTracker

logger = logging.getLogger(__name__)

PERIOD_SECONDS = 60.0


def seconds_to_next_minute_middle(now: float) -> float:
    """Returns the seconds from `now`, in seconds since the epoch, to the next half minute.

    In the middle of a minute no delay moves a value into a neighbour's minute. The clock is read
    anew each time, so that one that jumps costs one value at most.
    """
    return PERIOD_SECONDS - (now - PERIOD_SECONDS / 2) % PERIOD_SECONDS


class HealthMetric:
    """Publishes this instance's part of the metric HealthyInstances: 1 or 0 a minute.

    CloudWatch takes the metric from the log line (embedded metric format), so it costs neither an
    API call nor a right. The sum over a minute is the number of healthy instances.

    Args:
        health: The server's health.
        namespace: Namespace of the metric; empty publishes none.
        stack_name: The metric's one dimension, StackName.
    """

    def __init__(self, health: HealthTracker, namespace: str, stack_name: str) -> None:
        self._health = health
        self._namespace = namespace
        self._stack_name = stack_name

    async def run(self) -> None:
        """Publishes once in each minute of the clock, as CloudWatch counts them, for ever."""
        while True:
            await asyncio.sleep(seconds_to_next_minute_middle(time.time()))
            self.publish()

    def publish(self) -> None:
        """Writes one value."""
        if not self._namespace:
            return
        metric = {"Name": "HealthyInstances", "Unit": "Count"}
        directive = {
            "Namespace": self._namespace,
            "Dimensions": [["StackName"]],
            "Metrics": [metric],
        }
        logger.info(
            "health",
            extra={
                "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
                "StackName": self._stack_name,
                "HealthyInstances": int(self._health.healthy),
            },
        )
