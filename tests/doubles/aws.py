from __future__ import annotations

import threading
from typing import Any

import boto3
from botocore.config import Config
from moto.autoscaling.models import autoscaling_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from tests.doubles.cloud_map import CloudMap
from tests.doubles.faults import Faults
from tests.doubles.lifecycle import Lifecycle

REGION = "eu-west-1"
NAMESPACE = "llm-service"


class Aws:
    """AWS on loopback: moto behind a real HTTP server, with what it lacks and with faults.

    Attributes:
        url: Endpoint of all services.
        cloud_map: Cloud Map's timing and failures.
        lifecycle: Hooks and signals.
        faults: Recorded calls and faults of the API as a whole.
    """

    def __init__(self) -> None:
        self.cloud_map = CloudMap()
        self.lifecycle = Lifecycle()
        self.faults = Faults(DomainDispatcherApplication(create_backend_app), self.cloud_map.settle)
        self._server = make_server(
            "127.0.0.1", 0, self.faults, threaded=True, request_handler=_QuietHandler
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._clients: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> None:
        """Starts serving."""
        self.cloud_map.install()
        self.lifecycle.install()
        self._thread.start()

    def stop(self) -> None:
        """Stops serving, and leaves moto as it was and empty."""
        self._server.shutdown()
        self._thread.join()
        self.lifecycle.uninstall()
        self.cloud_map.uninstall()
        moto_api_backend.reset()

    def client(self, service: str) -> Any:
        """Returns a boto3 client of a service here."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                region_name=REGION,
                endpoint_url=self.url,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                # discover_instances would otherwise be asked of data-127.0.0.1.
                config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
            )
        return self._clients[service]

    def create_service(self, name: str) -> str:
        """Creates a Cloud Map service like the stack's and returns its id."""
        cloud_map = self.client("servicediscovery")
        namespaces = cloud_map.list_namespaces()["Namespaces"]
        if namespaces:
            namespace_id = namespaces[0]["Id"]
        else:
            cloud_map.create_private_dns_namespace(Name=NAMESPACE, Vpc="vpc-12345678")
            namespace_id = cloud_map.list_namespaces()["Namespaces"][0]["Id"]
        service = cloud_map.create_service(
            Name=name,
            NamespaceId=namespace_id,
            DnsConfig={"RoutingPolicy": "MULTIVALUE", "DnsRecords": [{"Type": "A", "TTL": 10}]},
            HealthCheckCustomConfig={"FailureThreshold": 1},
        )
        return str(service["Service"]["Id"])

    def create_group(self, name: str, size: int) -> list[str]:
        """Creates an Auto Scaling group and returns the ids of its instances."""
        ec2 = self.client("ec2")
        ec2.create_launch_template(
            LaunchTemplateName=name,
            LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "t3.micro"},
        )
        self.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=name,
            LaunchTemplate={"LaunchTemplateName": name, "Version": "1"},
            MinSize=0,
            MaxSize=10,
            DesiredCapacity=size,
            AvailabilityZones=[f"{REGION}a"],
        )
        return self.group_instances(name)

    def group_instances(self, name: str) -> list[str]:
        """Returns the ids of a group's instances, in the order of their launch."""
        groups = self.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[name]
        )
        return [one["InstanceId"] for one in groups["AutoScalingGroups"][0]["Instances"]]

    def group(self, name: str) -> Any:
        """Returns moto's own object of a group, for states that its API cannot make."""
        return autoscaling_backends[DEFAULT_ACCOUNT_ID][REGION].autoscaling_groups[name]

    def begin_termination(self, group: str, instance_id: str) -> None:
        """Puts an instance where its termination hook waits."""
        for state in self.group(group).instance_states:
            if state.instance_id == instance_id:
                state.lifecycle_state = "Terminating:Wait"
        self.lifecycle.waiting.add(instance_id)

    def remove_from_group(self, group: str, instance_id: str) -> None:
        """Takes an ended instance out of its group, with no replacement."""
        states = self.group(group).instance_states
        self.group(group).instance_states = [
            state for state in states if state.instance_id != instance_id
        ]


class _QuietHandler(MotoRequestHandler):
    """Serves without a line on standard error for every request."""

    # The agents keep their connections, as they do with AWS.
    protocol_version = "HTTP/1.1"

    def log_request(self, *args: Any) -> None:
        pass
