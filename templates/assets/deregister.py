"""Takes instances out of Cloud Map that can no longer do so themselves. Inline Lambda source.

Wiring: handler index.handler, timeout 300 s, environment SERVICE_ID. Three event sources, and what
each calls (beside logs:CreateLogStream and logs:PutLogEvents):

* EventBridge, an instance ends ("EC2 Instance State-change Notification", or "EC2 Instance
  Terminate Successful" of the group): servicediscovery:DeregisterInstance, GetOperation.
* EventBridge schedule, target input {"AutoScalingGroup": name}: the same and
  servicediscovery:ListInstances, GetInstance, autoscaling:DescribeAutoScalingGroups,
  SetInstanceHealth. The name comes in the input because a variable AUTO_SCALING_GROUP, which is
  read too, makes a cycle when the group depends on the custom resource.
* Custom resource with property ServiceId, at its deletion: servicediscovery:ListInstances,
  DeregisterInstance, GetOperation. Give it ServiceTimeout 360. The group depends on it, so that it
  is deleted after the group and before the service.

Cloud Map passes the caller's rights on to Route 53: GetHostedZone, ListHostedZonesByName,
ChangeResourceRecordSets, GetHealthCheck, UpdateHealthCheck, DeleteHealthCheck.
"""

import json
import os
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

POLL_SECONDS = 1.0
# Kept back from the time that the function has, to answer CloudFormation in: three tries of 5 s.
ANSWER_SECONDS = 25.0
# What a call under way at the deadline gets to end and tell why, before it is left behind.
HANG_SECONDS = 5.0
CONFIG = Config(
    connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 6}
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers an event of any of the three sources; what it returns is for the log."""
    print(json.dumps({key: value for key, value in event.items() if key != "ResponseURL"}))
    time_left = context.get_remaining_time_in_millis() / 1000 - ANSWER_SECONDS
    deadline = time.monotonic() + time_left
    if "ResponseURL" in event:
        return answer_cloudformation(event, time_left, deadline)
    service = os.environ["SERVICE_ID"]
    detail = event.get("detail") or {}
    instance = detail.get("EC2InstanceId") or detail.get("instance-id")
    if instance:
        result = {"deregistered": deregister(service, [instance], deadline)}
    else:
        group = event.get("AutoScalingGroup") or os.environ["AUTO_SCALING_GROUP"]
        result = sweep(service, group, deadline)
    print(json.dumps(result))
    return result


def client(name: str) -> Any:
    """Returns a client that gives up in time."""
    return boto3.client(name, config=CONFIG)


def registered(service: str) -> set[str]:
    """Returns the instances in Cloud Map, all pages of them."""
    pages = client("servicediscovery").get_paginator("list_instances").paginate(ServiceId=service)
    return {instance["Id"] for page in pages for instance in page["Instances"]}


def deregister(service: str, instances: list[str], deadline: float) -> list[str]:
    """Deregisters instances, awaits it, and returns those that were registered."""
    cloud_map = client("servicediscovery")
    operations = {}
    for instance in instances:
        try:
            answer = cloud_map.deregister_instance(ServiceId=service, InstanceId=instance)
            operations[instance] = answer["OperationId"]
        except cloud_map.exceptions.InstanceNotFound:
            pass
        except cloud_map.exceptions.DuplicateRequest as error:
            operations[instance] = error.response["DuplicateOperationId"]
    for instance, operation in operations.items():
        while True:
            state = cloud_map.get_operation(OperationId=operation)["Operation"]
            if state["Status"] == "SUCCESS":
                break
            if state["Status"] == "FAIL":
                raise RuntimeError(f"{instance} stays registered: {state.get('ErrorMessage')}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{instance} is still being deregistered ({operation})")
            time.sleep(POLL_SECONDS)
    return sorted(operations)


def sweep(service: str, group: str, deadline: float) -> dict[str, Any]:
    """Makes Cloud Map and the group agree, in both directions.

    Cloud Map is read first: whatever it holds was launched before, so the later answer about the
    group can lack it only when it is gone.
    """
    in_cloud_map = registered(service)
    answer = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    if not answer["AutoScalingGroups"]:
        raise RuntimeError(f"no answer about group {group}: nothing is deregistered")
    described = answer["AutoScalingGroups"][0]
    states = {one["InstanceId"]: one["LifecycleState"] for one in described["Instances"]}
    if in_cloud_map and not states and described["DesiredCapacity"] > 0:
        raise RuntimeError(f"group {group} answers without instances: nothing is deregistered")
    living = {one for one, state in states.items() if not state.startswith("Terminat")}
    gone = deregister(service, sorted(in_cloud_map - living), deadline)
    serving = {one for one, state in states.items() if state == "InService"}
    # An empty answer of Cloud Map must not replace a fleet that may well be serving.
    unregistered = sorted(serving - in_cloud_map) if in_cloud_map else []
    return {"deregistered": gone, "replaced": replace_one(service, unregistered)}


def replace_one(service: str, instances: list[str]) -> str | None:
    """Has the group replace the first instance that is certainly not registered, one a sweep.

    The group's grace period is respected: an instance that still starts is left alone.
    """
    cloud_map = client("servicediscovery")
    for instance in instances:
        try:
            cloud_map.get_instance(ServiceId=service, InstanceId=instance)
        except cloud_map.exceptions.InstanceNotFound:
            client("autoscaling").set_instance_health(
                InstanceId=instance, HealthStatus="Unhealthy", ShouldRespectGracePeriod=True
            )
            return instance
    return None


def empty(service: str, deadline: float) -> None:
    """Deregisters instances until the service has none; a service that is gone has none."""
    cloud_map = client("servicediscovery")
    while True:
        try:
            instances = registered(service)
            if not instances:
                return
            deregister(service, sorted(instances), deadline)
        except cloud_map.exceptions.ServiceNotFound:
            return
        except (BotoCoreError, ClientError, RuntimeError) as error:
            if time.monotonic() > deadline:
                raise
            print(f"tried again: {error!r}")
        if time.monotonic() > deadline:
            raise TimeoutError("instances are still registered")
        time.sleep(POLL_SECONDS)


def answer_cloudformation(
    event: dict[str, Any], time_left: float, deadline: float
) -> dict[str, Any]:
    """Does what the custom resource's event asks and answers in any case, or the stack hangs."""
    service = event.get("ResourceProperties", {}).get("ServiceId") or os.environ["SERVICE_ID"]
    status, reason = "SUCCESS", "done"
    is_delete = event["RequestType"] == "Delete"
    if is_delete:
        try:
            # In a thread, because a call that hangs must not take the time to answer.
            work = ThreadPoolExecutor(1).submit(empty, service, deadline)
            work.result(timeout=time_left + HANG_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever failed, CloudFormation is answered
            status, reason = "FAILED", f"{service} cannot be emptied: {error!r}. Delete again."
    answer = {
        "Status": status,
        "Reason": reason[:1000],
        # A new service makes a new resource, and CloudFormation then deletes the old one.
        "PhysicalResourceId": event["PhysicalResourceId"] if is_delete else service,
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    send(event["ResponseURL"], json.dumps(answer).encode())
    return answer


def send(url: str, body: bytes) -> None:
    """Puts the answer where CloudFormation waits for it."""
    for attempt in range(3):
        # The URL is signed for an empty content type.
        request = urllib.request.Request(  # noqa: S310 - the URL is CloudFormation's own
            url, body, {"Content-Type": ""}, method="PUT"
        )
        try:
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - as above
                return
        except OSError as error:
            print(f"CloudFormation's URL, try {attempt + 1}: {error!r}")
            time.sleep(POLL_SECONDS)
    raise RuntimeError("CloudFormation could not be answered")
