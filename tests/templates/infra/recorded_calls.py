"""What our programs call in AWS, recorded from their own boto3 traffic against a double."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from llm_service.node import registration
from llm_service.node.auto_scaling import AutoScaling
from llm_service.node.aws_api import AwsApi
from llm_service.node.health_tracker import HealthTracker
from llm_service.node.instance_identity import InstanceIdentity
from llm_service.node.registration import Registration
from llm_service.node.rollout_gate import RolloutGate
from llm_service.node.server_log import ServerLog
from templates.assets import FOLDER
from tests.doubles.aws import REGION, Aws
from tests.doubles.until import until

Calls = set[str]


@contextmanager
def recording(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """Yields AWS on loopback, where every client of this process goes."""
    double = Aws()
    double.start()
    # An instance that is registered counts from the next call on.
    double.cloud_map.operation_seconds = 0.0
    monkeypatch.setenv("AWS_ENDPOINT_URL", double.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(registration, "OPERATION_POLL_SECONDS", 0.01)
    try:
        yield double
    finally:
        double.stop()


def actions(aws: Aws) -> Calls:
    """Returns the calls recorded so far as IAM actions, and forgets them."""
    found = {f"{call.service}:{call.operation}" for call in aws.faults.calls}
    aws.faults.calls.clear()
    return found


def agents_calls(aws: Aws, folder: Path) -> Calls:
    """Lets an agent's parts live through an instance's life, and returns what they called."""
    service = aws.create_service("agents")
    instance, _ = aws.create_group("agents", 2)
    aws.begin_termination("agents", instance)
    aws.faults.calls.clear()
    asyncio.run(_live(service, instance, folder))
    return actions(aws)


async def _live(service: str, instance: str, folder: Path) -> None:
    api = AwsApi(REGION)
    identity = InstanceIdentity(instance, "10.0.0.9", f"{REGION}a", REGION)
    entry = Registration(api, service, identity)
    await entry.reconcile(healthy=False, verify=True)
    await entry.reconcile(healthy=True, verify=True)
    await entry.other_healthy_instances()
    in_service = asyncio.Event()
    in_service.set()
    health = HealthTracker(rise=2, fall=3)
    gate = RolloutGate(
        api,
        stack_name="Stack",
        logical_id="AutoScalingGroup",
        instance_id=instance,
        record_file=folder / "signal",
        health=health,
        server_log=ServerLog(None),
    )
    await gate.run(in_service, 30)
    group = AutoScaling(api, instance, "drain-before-termination")
    await group.desired_capacity()
    await group.set_unhealthy()
    await group.heartbeat()
    await entry.remove()
    await group.complete_lifecycle_action()


class _Context:
    def get_remaining_time_in_millis(self) -> float:
        return 60_000


def functions_calls(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """Sends the Lambda function all three kinds of event, and returns what it called."""
    service = aws.create_service("function")
    instances = aws.create_group("function", 2)
    for instance in (instances[0], "i-0000000000000dead", "i-000000000000gone1"):
        aws.client("servicediscovery").register_instance(
            ServiceId=service, InstanceId=instance, Attributes={"AWS_INSTANCE_IPV4": "10.0.0.1"}
        )
    # Registration is asynchronous.
    cloud_map = aws.client("servicediscovery")
    asyncio.run(until(lambda: len(cloud_map.list_instances(ServiceId=service)["Instances"]) == 3))
    monkeypatch.setenv("SERVICE_ID", service)
    spec = importlib.util.spec_from_file_location("index", FOLDER / "deregister.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    aws.faults.calls.clear()
    module.handler({"detail": {"instance-id": "i-000000000000gone1"}}, _Context())
    module.handler({"AutoScalingGroup": "function"}, _Context())
    with _response_url() as url:
        event = {
            "RequestType": "Delete",
            "ResponseURL": url,
            "ResourceProperties": {"ServiceId": service},
            "PhysicalResourceId": service,
            "StackId": "stack",
            "RequestId": "request",
            "LogicalResourceId": "DeregisterAll",
        }
        module.handler(event, _Context())
    return actions(aws)


@contextmanager
def _response_url() -> Iterator[str]:
    answers: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert [answer["Status"] for answer in answers] == ["SUCCESS"]
