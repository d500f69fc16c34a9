from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.doubles.aws import Aws
from tests.fleet.client import Client
from tests.fleet.instance import DOUBLE, REPOSITORY, Instance, ServerProgram

GROUP = "LlmServiceInfraStack-fleet"
SERVICE = "llm"
FIRST_ADDRESS = 11
# Enough for three interpreters that start at once on a busy machine.
START_SECONDS = 90.0


class Fleet:
    """A small fleet of real processes on loopback addresses, with AWS and one client.

    Attributes:
        aws: AWS.
        instances: The living instances, by id.
        client: A client that calls without a pause.
    """

    def __init__(self, aws: Aws, folder: Path, server: ServerProgram = DOUBLE) -> None:
        self.aws = aws
        self._server = server
        self.instances: dict[str, Instance] = {}
        self._folder = folder
        self._addresses = [f"127.0.0.{number}" for number in range(FIRST_ADDRESS, 250)]
        self._port = _free_port()
        self._clock = folder / "clock.so"
        source = Path(__file__).with_name("clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self._clock, source], check=True)
        self.service_id = aws.create_service(SERVICE)
        self.client = Client(aws.client("servicediscovery"), SERVICE, self._port)
        self._function = _load_function()

    def start(self, size: int) -> None:
        """Launches the group's first instances."""
        for instance_id in self.aws.create_group(GROUP, size):
            self._boot(instance_id)

    def stop(self) -> None:
        """Ends the client, then every process."""
        self.client.stop()
        for instance in list(self.instances.values()):
            instance.lose_power()

    def launch(self) -> Instance:
        """Has the group launch one instance more than it has, and boots it."""
        known = set(self.aws.group_instances(GROUP))
        group = self.aws.group(GROUP)
        group.set_desired_capacity(len(group.active_instances()) + 1)
        [new] = set(self.aws.group_instances(GROUP)) - known
        return self._boot(new)

    def replace(self, instance: Instance) -> Instance:
        """Takes an ended instance out of the group and launches another one."""
        self.aws.remove_from_group(GROUP, instance.id)
        self.instances.pop(instance.id, None)
        return self.launch()

    def reuse_address(self, address: str) -> None:
        """Has the next instance take an address that was used before."""
        self._addresses.insert(0, address)

    def any_instance(self) -> Instance:
        """Returns one of the living, not always the same kind of first."""
        return self.instances[sorted(self.instances)[0]]

    def registered(self) -> dict[str, str]:
        """Returns what Cloud Map holds: instance id to health."""
        answer = self.aws.client("servicediscovery").get_instances_health_status(
            ServiceId=self.service_id
        )
        return dict(answer["Status"])

    def is_whole(self) -> bool:
        """Tells whether Cloud Map holds exactly the living, all of them healthy."""
        return self.registered() == dict.fromkeys(self.instances, "HEALTHY")

    def is_discovered(self, instance: Instance) -> bool:
        """Tells whether a client would be sent to an instance."""
        return instance.ip in self.client.discover()

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Runs the Lambda function, as EventBridge does."""
        answer: dict[str, Any] = self._function.handler(event, _LambdaContext())
        return answer

    def until(self, condition: Callable[[], object], seconds: float = START_SECONDS) -> None:
        """Waits for a condition."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.report()
            time.sleep(0.05)

    def report(self) -> str:
        """Describes the fleet, for a test that failed."""
        lines = [f"the condition did not come; registered: {self.registered()}"]
        lines += [f"client: {self.client.answered} {self.client.failures}"]
        for instance in self.instances.values():
            lines += [f"--- {instance.id} at {instance.ip}", *instance.agent_log()[-12:]]
        return "\n".join(lines)

    def _boot(self, instance_id: str) -> Instance:
        folder = self._folder / instance_id
        folder.mkdir()
        settings = {
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "CLOUD_MAP_SERVICE_ID": self.service_id,
            "LD_PRELOAD": str(self._clock),
        }
        address = (self._addresses.pop(0), self._port)
        instance = self.instances[instance_id] = Instance(
            instance_id, address, folder, self._server, settings
        )
        instance.boot()
        return instance


class _LambdaContext:
    def get_remaining_time_in_millis(self) -> float:
        return 300_000.0


def messages(log: list[str]) -> list[str]:
    """Returns the messages of an agent's log."""
    return [json.loads(line)["message"] for line in log if line.startswith("{")]


def _free_port() -> int:
    with socket.create_server((f"127.0.0.{FIRST_ADDRESS}", 0)) as server:
        return int(server.getsockname()[1])


def _load_function() -> ModuleType:
    path = REPOSITORY / "templates/assets/deregister.py"
    spec = importlib.util.spec_from_file_location("index", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
