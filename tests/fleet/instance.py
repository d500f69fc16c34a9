from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.doubles.metadata import Metadata
from tests.fleet.unit import Unit

REPOSITORY = Path(__file__).parents[2]
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class ServerProgram:
    """A model server to run: a module, whose environment is HOST, PORT and these settings."""

    module: str
    settings: Mapping[str, str] = field(default_factory=dict)


DOUBLE = ServerProgram("tests.fleet.model_server")


class Instance:
    """An EC2 instance on a loopback address: model server, node agent, metadata, and a host.

    The host is what host_setup.sh makes of systemd: both processes are started again when they
    end, and a drain request stops the server for good.

    Attributes:
        id: EC2 instance id.
        ip: Loopback address of the server.
        metadata: The metadata service.
        server: Unit of the model server.
        agent: Unit of the node agent.
        clock_offset: File with the seconds that the agent's wall clock is off.

    Args:
        instance_id: EC2 instance id.
        address: Loopback address and TCP port of the server.
        folder: Place for the instance's files.
        server: The model server.
        agent_settings: Environment of the agent, beside what belongs to the instance.
    """

    def __init__(
        self,
        instance_id: str,
        address: tuple[str, int],
        folder: Path,
        server: ServerProgram,
        agent_settings: Mapping[str, str],
    ) -> None:
        self.id = instance_id
        self.ip = address[0]
        self.metadata = Metadata(instance_id, self.ip)
        self.clock_offset = folder / "clock"
        self._drain_file = folder / "drain"
        self._is_powered = False
        paths = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'service'}",
            "PYTHONUNBUFFERED": "1",
        }
        self.server = Unit(
            [sys.executable, "-m", server.module],
            {**paths, "HOST": self.ip, "PORT": str(address[1]), **server.settings},
            folder / "server.log",
        )
        agent_environment = {
            **paths,
            **agent_settings,
            "CLOCK_OFFSET_FILE": str(self.clock_offset),
            # Credentials come from the instance's role, as on a real one.
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata.url,
            "METADATA_ENDPOINT": self.metadata.url,
            "STACK_NAME": "LlmServiceInfraStack",
            "SIGNAL_LOGICAL_ID": "AutoScalingGroup",
            "LIFECYCLE_HOOK_NAME": "drain-before-termination",
            "SERVER_ADDRESS": f"{address[0]}:{address[1]}",
            "SERVER_LOG_FILE": str(self.server.log),
            "DRAIN_REQUEST_FILE": str(self._drain_file),
            "SIGNAL_RECORD_FILE": str(folder / "signal"),
            "PROBE_INTERVAL_SECONDS": "0.5",
            "PROBE_TIMEOUT_SECONDS": "1",
            "PROBE_FALL": "2",
            "UNHEALTHY_SECONDS": "60",
            "VERIFY_SECONDS": "2",
            "METADATA_INTERVAL_SECONDS": "0.5",
            "HEARTBEAT_SECONDS": "0.5",
            "RECORD_TTL_SECONDS": "2",
            "DRAIN_SECONDS": "30",
        }
        self._agent_command = [sys.executable, "-m", "llm_service.node.main"]
        self._agent_environment = agent_environment
        self.agent = Unit(self._agent_command, agent_environment, folder / "agent.log")

    def boot(self) -> None:
        """Starts everything."""
        self._is_powered = True
        self.server.start()
        self.agent.start()
        threading.Thread(target=self._watch_drain_request, daemon=True).start()

    def shut_down(self) -> None:
        """Ends politely: the agent first, then the server, as the units' order has it."""
        self.agent.stop()
        self._is_powered = False
        self.server.stop()
        self.metadata.stop()

    def lose_power(self) -> None:
        """Ends without a word."""
        self._is_powered = False
        for unit in (self.agent, self.server):
            unit.is_restarted = False
            if unit.is_running:
                unit.kill()
        self.metadata.stop()

    def second_agent(self) -> Unit:
        """Returns one agent more for the same instance, not started."""
        log = self.agent.log.with_name("second-agent.log")
        return Unit(self._agent_command, self._agent_environment, log)

    def set_clock(self, seconds: int) -> None:
        """Sets the agent's wall clock off by some seconds."""
        self.clock_offset.write_text(str(seconds), encoding="utf-8")

    def agent_log(self) -> list[str]:
        """Returns the agent's log lines."""
        return self.agent.log.read_text(encoding="utf-8").splitlines()

    def peak_agent_mebibytes(self) -> float:
        """Returns the most memory that the agent's process had resident."""
        status = Path(f"/proc/{self.agent.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def _watch_drain_request(self) -> None:
        while self._is_powered:
            if self._drain_file.exists():
                self.server.stop()
                self._drain_file.unlink(missing_ok=True)
            time.sleep(POLL_SECONDS)
