from __future__ import annotations

import asyncio
import logging
import random
import signal
import time

from botocore.exceptions import BotoCoreError, ClientError

from llm_service.node.auto_scaling import AutoScaling
from llm_service.node.aws_api import AwsApi
from llm_service.node.backoff import Backoff
from llm_service.node.cancellation import cancel_all
from llm_service.node.departure import Departure
from llm_service.node.drain_request import DrainRequest
from llm_service.node.health_metric import HealthMetric
from llm_service.node.health_tracker import HealthTracker
from llm_service.node.instance_identity import InstanceIdentity
from llm_service.node.instance_metadata import InstanceMetadata
from llm_service.node.leave_reason import LeaveReason
from llm_service.node.notices import Notices
from llm_service.node.probe import Probe
from llm_service.node.registration import Registration
from llm_service.node.registration_error import RegistrationError
from llm_service.node.replacement import Replacement
from llm_service.node.rollout_gate import RolloutGate
from llm_service.node.server_log import ServerLog
from llm_service.node.settings import Settings
from llm_service.node.watchdog import Watchdog

logger = logging.getLogger(__name__)

# Longest wait between two tries while an API is out or throttles: how late a dead instance may be
# told after its end.
OUTAGE_RETRY_SECONDS = 5.0


class NodeAgent:
    """Keeps Cloud Map and the Auto Scaling group true about this instance.

    While the instance is in service, four tasks run side by side: probe the server, keep the
    registration equal to the probes' result, watch for notices, and signal the roll-out. A notice
    or SIGTERM ends them, and the instance leaves.

    Args:
        settings: What the environment says.
        identity: This instance.
        metadata: The metadata service.
    """

    def __init__(
        self, settings: Settings, identity: InstanceIdentity, metadata: InstanceMetadata
    ) -> None:
        api = AwsApi(identity.region)
        # Set when the registration may not be true any more.
        self._changed = asyncio.Event()
        self._settings = settings
        self._probe = Probe(
            settings.server_host,
            settings.server_port,
            settings.probe_timeout_seconds,
            settings.server_tls_ca_file,
            settings.server_tls_name,
        )
        self._health = HealthTracker(settings.probe_rise, settings.probe_fall)
        self._metric = HealthMetric(self._health, settings.metrics_namespace, settings.stack_name)
        self._server_log = ServerLog(settings.server_log_file)
        self._registration = Registration(api, settings.cloud_map_service_id, identity)
        auto_scaling = AutoScaling(api, identity.instance_id, settings.lifecycle_hook_name)
        self._replacement = Replacement(
            auto_scaling,
            self._health,
            self._server_log,
            settings.signal_deadline_seconds,
            settings.unhealthy_seconds,
        )
        self._notices = Notices(
            metadata,
            self._registration,
            auto_scaling,
            settings.metadata_interval_seconds,
            self._changed,
        )
        self._gate = RolloutGate(
            api,
            stack_name=settings.stack_name,
            logical_id=settings.signal_logical_id,
            instance_id=identity.instance_id,
            record_file=settings.signal_record_file,
            health=self._health,
            server_log=self._server_log,
        )
        self._drain_request = DrainRequest(settings.drain_request_file)
        self._departure = Departure(settings, self._registration, auto_scaling, self._drain_request)
        self._in_service = asyncio.Event()
        # A turn of the registration waits for operations of Cloud Map, for three at the worst.
        self._watchdog = Watchdog(
            {
                "probe": 60 + 2 * settings.probe_interval_seconds,
                "registration": 600 + 2 * settings.verify_seconds,
            }
        )
        self._stop_asked = asyncio.Event()

    async def run(self) -> None:
        """Serves until the instance has left and the agent is asked to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_asked.set)
        # Asked before anything is registered: an agent that is started again on an instance that
        # leaves must not bring it back.
        reason = await self._notices.look()
        if reason is None:
            self._drain_request.withdraw()
            reason = await self._serve()
        await self._departure.run(reason)
        if reason is not LeaveReason.STOPPED:
            await self._await_end(reason)
        logger.info("stopped")

    async def _serve(self) -> LeaveReason:
        """Runs the tasks of an instance in service until one of them says to leave."""
        pending: set[asyncio.Task[LeaveReason | None]] = {
            asyncio.create_task(task)
            for task in (
                self._probe_server(),
                self._keep_registration(),
                self._replace_when_hopeless(),
                self._signal_rollout(),
                self._metric.run(),
                self._notices.wait(),
                self._await_stop(),
            )
        }
        self._watchdog.start()
        try:
            while True:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    # Raises what a task died of: systemd then starts the agent afresh.
                    reason = task.result()
                    if reason is not None:
                        return reason
        finally:
            self._watchdog.stop()
            await cancel_all(pending)

    async def _await_stop(self) -> LeaveReason:
        await self._stop_asked.wait()
        return LeaveReason.STOPPED

    async def _await_end(self, reason: LeaveReason) -> None:
        """Idles until the agent is stopped with its instance, because its unit would restart it.

        A termination that the group starts only now is completed.
        """
        completion = asyncio.create_task(self._complete_later(reason))
        await self._stop_asked.wait()
        await cancel_all([completion])

    async def _complete_later(self, reason: LeaveReason) -> None:
        if reason is not LeaveReason.TERMINATED:
            await self._notices.wait_for_termination()
            await self._departure.complete()

    async def _probe_server(self) -> None:
        while True:
            self._watchdog.beat("probe")
            started = time.monotonic()
            failure = await self._probe.failure()
            if self._health.observe(failure):
                logger.log(
                    logging.INFO if self._health.healthy else logging.ERROR,
                    "health changed",
                    extra={"healthy": self._health.healthy, "reason": failure},
                )
                self._changed.set()
            elif failure is not None:
                logger.info("probe failed", extra={"reason": failure})
            elapsed = time.monotonic() - started
            await asyncio.sleep(max(0.0, self._settings.probe_interval_seconds - elapsed))

    async def _keep_registration(self) -> None:
        backoff = Backoff(base=0.5, cap=OUTAGE_RETRY_SECONDS)
        verify = True
        while True:
            self._watchdog.beat("registration")
            self._changed.clear()
            healthy = self._takes_traffic()
            try:
                await self._registration.reconcile(healthy, verify)
                if healthy:
                    self._in_service.set()
                backoff.reset()
                # Spread, so that a fleet that was started at once does not ask at once for ever.
                seconds = self._settings.verify_seconds * random.uniform(0.8, 1.2)  # noqa: S311
            except (ClientError, BotoCoreError, RegistrationError) as error:
                logger.warning("registration failed", extra={"reason": str(error)})
                seconds = backoff.next()
            try:
                await asyncio.wait_for(self._changed.wait(), seconds)
                verify = False
            except asyncio.TimeoutError:
                verify = True

    def _takes_traffic(self) -> bool | None:
        """Whether clients should be sent here; None while an agent that just began cannot know."""
        if self._notices.is_set_aside:
            return False
        return self._health.healthy if self._health.is_known else None

    async def _replace_when_hopeless(self) -> None:
        while True:
            await asyncio.sleep(self._settings.probe_interval_seconds)
            if not self._notices.is_set_aside:
                await self._replacement.ask_if_due()

    async def _signal_rollout(self) -> None:
        await self._gate.run(self._in_service, self._settings.signal_deadline_seconds)
