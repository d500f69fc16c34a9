from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from tests.doubles.aws import Aws
from tests.doubles.response_url import ResponseUrl
from tests.templates.assets.conftest import SOURCE

NUMBERS = itertools.count()


@dataclass
class Context:
    """What Lambda hands to the handler, as far as ours uses it."""

    seconds: float = 300.0

    def get_remaining_time_in_millis(self) -> float:
        return self.seconds * 1000


class Fleet:
    """A Cloud Map service and a group of their own for one test."""

    def __init__(self, aws: Aws, function: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.aws = aws
        self.function = function
        self.group = f"group-{next(NUMBERS)}"
        self.service = aws.create_service(self.group)
        self.instances = aws.create_group(self.group, 3)
        self.cloud_map = aws.client("servicediscovery")
        monkeypatch.setenv("SERVICE_ID", self.service)

    def register(self, *instances: str) -> None:
        for number, instance in enumerate(instances):
            self.cloud_map.register_instance(
                ServiceId=self.service,
                InstanceId=instance,
                Attributes={"AWS_INSTANCE_IPV4": f"10.0.{number // 250}.{number % 250}"},
            )
        while self.registered() != self.registered() | set(instances):
            pass

    def registered(self) -> set[str]:
        pages = self.cloud_map.get_paginator("list_instances").paginate(ServiceId=self.service)
        return {instance["Id"] for page in pages for instance in page["Instances"]}

    def sweep(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.function.handler({"AutoScalingGroup": self.group}, Context())
        return answer

    def health(self) -> dict[str, str]:
        answer = self.aws.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.group]
        )
        instances = answer["AutoScalingGroups"][0]["Instances"]
        return {one["InstanceId"]: one["HealthStatus"] for one in instances}


@pytest.fixture
def fleet(aws: Aws, function: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    yield Fleet(aws, function, monkeypatch)
    aws.cloud_map.operation_seconds = 0.05
    aws.cloud_map.failures = 0
    aws.faults.throttled = False
    aws.faults.denied.clear()


@pytest.fixture
def response_url() -> Iterator[ResponseUrl]:
    double = ResponseUrl()
    yield double
    double.stop()


def custom_resource(kind: str, fleet: Fleet, response_url: ResponseUrl) -> dict[str, Any]:
    event = {
        "RequestType": kind,
        "ResponseURL": response_url.url,
        "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/LlmServiceInfraStack/1",
        "RequestId": "request",
        "LogicalResourceId": "Deregistration",
        "ResourceProperties": {"ServiceId": fleet.service},
    }
    return event if kind == "Create" else event | {"PhysicalResourceId": fleet.service}


class TestSource:
    def test_is_inline_lambda_source(self) -> None:
        # CloudFormation's limit is 4 MB zipped; what counts is the template's 51,200 bytes, and
        # that it returns anything above U+007F as a question mark.
        source = SOURCE.read_bytes()
        assert len(source) < 10_000
        assert source.isascii()


class TestTermination:
    @pytest.mark.parametrize(
        ("kind", "key"),
        [
            ("EC2 Instance State-change Notification", "instance-id"),
            ("EC2 Instance Terminate Successful", "EC2InstanceId"),
        ],
    )
    def test_deregisters_the_instance_and_awaits_it(
        self, fleet: Fleet, kind: str, key: str
    ) -> None:
        gone, *others = fleet.instances
        fleet.register(*fleet.instances)
        answer = fleet.function.handler({"detail-type": kind, "detail": {key: gone}}, Context())
        assert answer == {"deregistered": [gone]}
        assert fleet.registered() == set(others)

    def test_ignores_an_instance_of_somebody_else(self, fleet: Fleet) -> None:
        fleet.register(*fleet.instances)
        answer = fleet.function.handler(
            {"detail": {"instance-id": "i-0123456789abcdef0", "state": "terminated"}}, Context()
        )
        assert answer == {"deregistered": []}
        assert fleet.registered() == set(fleet.instances)

    def test_fails_for_lambda_to_try_again_when_the_operation_fails(self, fleet: Fleet) -> None:
        fleet.register(*fleet.instances)
        fleet.aws.cloud_map.failures = 1
        with pytest.raises(RuntimeError, match="stays registered"):
            fleet.function.handler({"detail": {"instance-id": fleet.instances[0]}}, Context())

    def test_fails_before_its_own_time_is_up(self, fleet: Fleet) -> None:
        fleet.register(*fleet.instances)
        fleet.aws.cloud_map.operation_seconds = 60
        context = Context(seconds=fleet.function.ANSWER_SECONDS)
        with pytest.raises(TimeoutError, match="still being deregistered"):
            fleet.function.handler({"detail": {"instance-id": fleet.instances[0]}}, context)

    def test_awaits_a_removal_that_is_under_way(self, fleet: Fleet) -> None:
        gone = fleet.instances[0]
        fleet.register(gone)
        fleet.aws.cloud_map.operation_seconds = 0.5
        fleet.cloud_map.deregister_instance(ServiceId=fleet.service, InstanceId=gone)
        answer = fleet.function.handler({"detail": {"instance-id": gone}}, Context())
        assert answer == {"deregistered": [gone]}
        assert fleet.registered() == set()

    def test_gets_through_a_throttled_api(self, fleet: Fleet) -> None:
        fleet.register(*fleet.instances)
        fleet.aws.faults.throttled = True
        fleet.function.handler({"detail": {"instance-id": fleet.instances[0]}}, Context())
        fleet.aws.faults.throttled = False
        assert fleet.registered() == set(fleet.instances[1:])


class TestSweep:
    def test_changes_nothing_when_both_agree(self, fleet: Fleet) -> None:
        fleet.register(*fleet.instances)
        assert fleet.sweep() == {"deregistered": [], "replaced": None}

    def test_deregisters_what_the_group_does_not_have(self, fleet: Fleet) -> None:
        gone = [f"i-{number:017x}" for number in range(150)]
        fleet.register(*fleet.instances, *gone)
        assert fleet.sweep() == {"deregistered": gone, "replaced": None}
        assert fleet.registered() == set(fleet.instances)

    def test_deregisters_an_instance_that_terminates(self, fleet: Fleet) -> None:
        fleet.register(*fleet.instances)
        fleet.aws.begin_termination(fleet.group, fleet.instances[1])
        assert fleet.sweep()["deregistered"] == [fleet.instances[1]]

    def test_replaces_one_instance_that_nobody_registered(self, fleet: Fleet) -> None:
        known, *unknown = sorted(fleet.instances)
        fleet.register(known)
        assert fleet.sweep() == {"deregistered": [], "replaced": unknown[0]}
        assert fleet.health()[unknown[0]] == "Unhealthy"
        assert fleet.health()[unknown[1]] == "Healthy"

    def test_respects_the_grace_period_of_an_instance_that_starts(self, fleet: Fleet) -> None:
        fleet.register(fleet.instances[0])
        fleet.sweep()
        [call] = [call for call in fleet.aws.faults.calls if call.operation == "SetInstanceHealth"][
            -1:
        ]
        assert call.parameters["ShouldRespectGracePeriod"] == "true"

    def test_does_not_replace_what_registered_a_moment_ago(self, fleet: Fleet) -> None:
        fleet.register(*fleet.instances)
        # As if the list had been read before the last registration.
        assert fleet.function.replace_one(fleet.service, fleet.instances) is None
        assert set(fleet.health().values()) == {"Healthy"}

    def test_does_not_replace_a_fleet_because_cloud_map_says_nothing(self, fleet: Fleet) -> None:
        assert fleet.sweep() == {"deregistered": [], "replaced": None}
        assert set(fleet.health().values()) == {"Healthy"}

    def test_leaves_an_instance_in_standby_alone(self, fleet: Fleet) -> None:
        standby, *serving = fleet.instances
        fleet.register(*serving)
        fleet.aws.client("autoscaling").enter_standby(
            AutoScalingGroupName=fleet.group,
            InstanceIds=[standby],
            ShouldDecrementDesiredCapacity=True,
        )
        assert fleet.sweep() == {"deregistered": [], "replaced": None}

    def test_refuses_to_empty_the_service_without_a_group(self, fleet: Fleet) -> None:
        fleet.register(*fleet.instances)
        with pytest.raises(RuntimeError, match="nothing is deregistered"):
            fleet.function.handler({"AutoScalingGroup": "no-such-group"}, Context())
        assert fleet.registered() == set(fleet.instances)

    def test_refuses_to_empty_the_service_for_a_group_that_answers_empty(
        self, fleet: Fleet
    ) -> None:
        fleet.register(*fleet.instances)
        fleet.aws.group(fleet.group).instance_states = []
        with pytest.raises(RuntimeError, match="nothing is deregistered"):
            fleet.sweep()
        assert fleet.registered() == set(fleet.instances)

    def test_empties_the_service_of_a_group_that_is_scaled_to_nothing(self, fleet: Fleet) -> None:
        fleet.register(*fleet.instances)
        fleet.aws.group(fleet.group).instance_states = []
        fleet.aws.group(fleet.group).desired_capacity = 0
        assert fleet.sweep()["deregistered"] == sorted(fleet.instances)

    def test_takes_the_group_from_the_environment_too(
        self, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AUTO_SCALING_GROUP", fleet.group)
        fleet.register(*fleet.instances, "i-00000000000000000")
        event = {"detail-type": "Scheduled Event", "detail": {}}
        answer = fleet.function.handler(event, Context())
        assert answer["deregistered"] == ["i-00000000000000000"]


class TestCustomResource:
    @pytest.mark.parametrize("kind", ["Create", "Update"])
    def test_creation_and_update_only_answer(
        self, fleet: Fleet, response_url: ResponseUrl, kind: str
    ) -> None:
        fleet.register(*fleet.instances)
        fleet.function.handler(custom_resource(kind, fleet, response_url), Context())
        [answer] = response_url.answers
        assert answer["Status"] == "SUCCESS"
        assert answer["PhysicalResourceId"] == fleet.service
        assert fleet.registered() == set(fleet.instances)

    def test_deletion_deregisters_all_pages_and_the_service_can_go(
        self, fleet: Fleet, response_url: ResponseUrl
    ) -> None:
        event = custom_resource("Delete", fleet, response_url)
        fleet.register(*fleet.instances, *(f"i-{number:017x}" for number in range(230)))
        with pytest.raises(fleet.cloud_map.exceptions.ResourceInUse):
            fleet.cloud_map.delete_service(Id=fleet.service)
        fleet.function.handler(event, Context())
        assert response_url.answers == [
            {
                "Status": "SUCCESS",
                "Reason": "done",
                "PhysicalResourceId": fleet.service,
                "StackId": event["StackId"],
                "RequestId": "request",
                "LogicalResourceId": "Deregistration",
            }
        ]
        fleet.cloud_map.delete_service(Id=fleet.service)

    def test_deletion_tries_again_what_failed(
        self, fleet: Fleet, response_url: ResponseUrl
    ) -> None:
        fleet.register(*fleet.instances)
        fleet.aws.cloud_map.failures = 2
        fleet.function.handler(custom_resource("Delete", fleet, response_url), Context())
        assert response_url.answers[0]["Status"] == "SUCCESS"
        assert fleet.registered() == set()

    def test_deletion_of_a_service_that_is_gone_succeeds(
        self, fleet: Fleet, response_url: ResponseUrl
    ) -> None:
        event = custom_resource("Delete", fleet, response_url)
        fleet.cloud_map.delete_service(Id=fleet.service)
        fleet.function.handler(event, Context())
        assert response_url.answers[0]["Status"] == "SUCCESS"

    def test_answers_failed_with_the_reason_when_time_runs_out(
        self, fleet: Fleet, response_url: ResponseUrl
    ) -> None:
        fleet.register(*fleet.instances)
        fleet.aws.cloud_map.operation_seconds = 60
        context = Context(seconds=fleet.function.ANSWER_SECONDS + 0.5)
        fleet.function.handler(custom_resource("Delete", fleet, response_url), context)
        [answer] = response_url.answers
        assert answer["Status"] == "FAILED"
        assert "cannot be emptied" in answer["Reason"]
        assert len(answer["Reason"]) <= 1000

    def test_answers_in_time_when_a_call_hangs(
        self,
        fleet: Fleet,
        response_url: ResponseUrl,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        fleet.register(*fleet.instances)
        monkeypatch.setattr(fleet.aws.faults, "out", True)
        monkeypatch.setattr(fleet.aws.faults, "out_seconds", 0.4)
        monkeypatch.setattr(fleet.function, "HANG_SECONDS", 0.0)
        context = Context(seconds=fleet.function.ANSWER_SECONDS + 0.5)
        fleet.function.handler(custom_resource("Delete", fleet, response_url), context)
        assert response_url.answers[0]["Status"] == "FAILED"
        assert "TimeoutError" in response_url.answers[0]["Reason"]

    def test_answers_failed_when_the_role_lacks_a_right(
        self, fleet: Fleet, response_url: ResponseUrl
    ) -> None:
        fleet.register(*fleet.instances)
        fleet.aws.faults.denied = {"DeregisterInstance"}
        context = Context(seconds=fleet.function.ANSWER_SECONDS + 0.2)
        fleet.function.handler(custom_resource("Delete", fleet, response_url), context)
        assert response_url.answers[0]["Status"] == "FAILED"
        assert "AccessDenied" in response_url.answers[0]["Reason"]

    def test_tries_the_answer_again(self, fleet: Fleet, response_url: ResponseUrl) -> None:
        response_url.failures = 2
        fleet.function.handler(custom_resource("Create", fleet, response_url), Context())
        assert response_url.answers[0]["Status"] == "SUCCESS"

    def test_fails_for_lambda_to_try_again_when_cloudformation_cannot_be_reached(
        self, fleet: Fleet, response_url: ResponseUrl
    ) -> None:
        response_url.failures = 3
        with pytest.raises(RuntimeError, match="could not be answered"):
            fleet.function.handler(custom_resource("Create", fleet, response_url), Context())

    def test_does_not_log_the_url_that_anybody_could_answer_at(
        self, fleet: Fleet, response_url: ResponseUrl, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fleet.function.handler(custom_resource("Create", fleet, response_url), Context())
        assert "Signature=x" not in capsys.readouterr().out
