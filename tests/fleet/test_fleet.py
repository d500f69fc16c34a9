"""Plays a small fleet of real processes and kills each part of it.

Three node agents with three model servers on loopback addresses, moto for Cloud Map and Auto
Scaling, a metadata service for each instance, and a client that resolves through Cloud Map. Every
test leaves the fleet whole, and while it runs the client's calls have to succeed.

FLEET_OUTAGE_SECONDS sets how long the API is out (default 8).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from templates.infra import LlmServiceInfraStack
from tests.doubles.aws import REGION, Aws
from tests.doubles.metadata import ROLE_KEY
from tests.fleet.fleet import GROUP, Fleet, messages
from tests.fleet.instance import Instance
from tests.iam.evaluator import Evaluator

OUTAGE_SECONDS = float(os.environ.get("FLEET_OUTAGE_SECONDS", "8"))
# What the service promises: a dead instance is out of discovery so long after its probe failed.
DEAD_SECONDS = 15.0
WRITES = ("RegisterInstance", "DeregisterInstance", "UpdateInstanceCustomHealthStatus")
FUNCTION_KEY = "ASIAFUNCTIONROLE"
# 6 s, which begin before the server is asked to stop and end after it.
STREAM_TOKENS = 120
AGENT_MEBIBYTES = 100.0

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def running_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    aws = Aws()
    aws.start()
    with pytest.MonkeyPatch.context() as monkeypatch:
        # For the Lambda, which runs in this process.
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", FUNCTION_KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        fleet = Fleet(aws, tmp_path_factory.mktemp("fleet"))
        monkeypatch.setenv("SERVICE_ID", fleet.service_id)
        monkeypatch.setenv("AUTO_SCALING_GROUP", GROUP)
        try:
            fleet.start(3)
            fleet.until(fleet.is_whole)
            fleet.client.start()
            yield fleet
        finally:
            fleet.stop()
            aws.stop()


@pytest.fixture
def fleet(running_fleet: Fleet) -> Iterator[Fleet]:
    """The fleet, whole before the test and after it, with a client that never fails."""
    fleet = running_fleet
    fleet.until(fleet.is_whole)
    answered = fleet.client.total
    yield fleet
    fleet.until(fleet.is_whole)
    fleet.until(lambda: fleet.client.total > answered)
    assert fleet.client.failures == []


def until_undiscovered(fleet: Fleet, instance: Instance) -> None:
    """Waits until an instance whose server is dead is out of discovery, in the promised time."""
    seen = len(instance.agent_log())
    fleet.until(lambda: "probe failed" in " ".join(messages(instance.agent_log()[seen:])))
    fleet.until(lambda: not fleet.is_discovered(instance), DEAD_SECONDS)


def writes_about(fleet: Fleet, instance: Instance, seen: int) -> list[str]:
    """Returns the changes of an instance's entry that anybody asked for after `seen` calls."""
    return [
        call.operation
        for call in fleet.aws.faults.calls[seen:]
        if call.parameters.get("InstanceId") == instance.id and call.operation in WRITES
    ]


@contextlib.contextmanager
def unbroken_stream(fleet: Fleet, instance: Instance) -> Iterator[None]:
    """Streams from an instance meanwhile; in the end every token has to have come."""
    counts: list[int] = []
    begun = threading.Event()
    thread = threading.Thread(
        target=lambda: counts.append(fleet.client.stream(instance.ip, STREAM_TOKENS, begun.set))
    )
    thread.start()
    assert begun.wait(30)
    yield
    thread.join()
    assert counts == [STREAM_TOKENS]


def test_the_roll_out_was_signalled_by_every_instance(fleet: Fleet) -> None:
    signals = fleet.aws.lifecycle.signals
    fleet.until(lambda: sorted(signals) == [(one, "SUCCESS") for one in sorted(fleet.instances)])


def test_the_client_uses_all_instances(fleet: Fleet) -> None:
    fleet.client.answered.clear()
    fleet.until(lambda: set(fleet.client.answered) == {i.ip for i in fleet.instances.values()})


def test_a_killed_server_is_out_until_it_serves_again(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    instance.server.restart_seconds = 5.0
    instance.server.kill()
    until_undiscovered(fleet, instance)
    fleet.until(lambda: fleet.is_discovered(instance))
    instance.server.restart_seconds = 2.0


def test_a_frozen_server_is_out_until_it_thaws(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    instance.server.send(signal.SIGSTOP)
    until_undiscovered(fleet, instance)
    instance.server.send(signal.SIGCONT)
    fleet.until(lambda: fleet.is_discovered(instance))


def test_a_killed_agent_changes_nothing_and_its_successor_goes_on(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    seen, log = len(fleet.aws.faults.calls), len(instance.agent_log())
    instance.agent.kill()

    def successor_knows_the_health() -> bool:
        assert fleet.is_discovered(instance)
        return "health changed" in messages(instance.agent_log()[log:])

    fleet.until(successor_knows_the_health)
    assert fleet.is_whole()
    assert writes_about(fleet, instance, seen) == []
    # And it does its work.
    instance.server.restart_seconds = 5.0
    instance.server.kill()
    until_undiscovered(fleet, instance)
    instance.server.restart_seconds = 2.0


def test_a_spot_notice_loses_no_call_and_no_stream(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    retries = fleet.client.retries
    with unbroken_stream(fleet, instance):
        instance.metadata.announce_spot_interruption()
        fleet.until(lambda: not fleet.is_discovered(instance))
        assert instance.server.is_running
    fleet.until(lambda: not instance.server.is_running)
    assert instance.server.exit_code == 0
    assert fleet.client.retries == retries
    # EC2 takes the instance, and the group launches another one.
    instance.lose_power()
    fleet.replace(instance)


def test_a_termination_by_the_group_waits_for_what_runs(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    retries = fleet.client.retries
    with unbroken_stream(fleet, instance):
        fleet.aws.begin_termination(GROUP, instance.id)
        instance.metadata.values["autoscaling/target-lifecycle-state"] = "Terminated"
        fleet.until(lambda: not fleet.is_discovered(instance))
        assert fleet.aws.lifecycle.completed == []
    fleet.until(lambda: fleet.aws.lifecycle.completed == [(instance.id, "CONTINUE")])
    assert not instance.server.is_running
    assert fleet.aws.lifecycle.heartbeats.count(instance.id) >= 2
    assert fleet.client.retries == retries
    instance.lose_power()
    fleet.replace(instance)


def test_an_agent_that_is_started_on_a_leaving_instance_leaves_too(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    instance.metadata.announce_spot_interruption()
    fleet.until(lambda: not fleet.is_discovered(instance))
    instance.agent.kill()
    seen = len(fleet.aws.faults.calls)
    fleet.until(lambda: messages(instance.agent_log()).count("leaving") == 2)
    fleet.until(lambda: not instance.server.is_running)
    assert "RegisterInstance" not in writes_about(fleet, instance, seen)
    instance.lose_power()
    fleet.replace(instance)


def test_a_shutdown_takes_the_instance_out_before_the_server_ends(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    retries = fleet.client.retries
    instance.shut_down()
    assert instance.agent.exit_code == 0
    assert instance.id not in fleet.registered()
    assert fleet.client.retries == retries
    fleet.replace(instance)


def test_a_rebalance_recommendation_waits_for_the_replacement(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    instance.metadata.recommend_rebalance()
    fleet.until(lambda: "rebalance: no replacement yet" in messages(instance.agent_log()))
    assert fleet.is_discovered(instance)
    # What capacity rebalancing does: first one more than the group should have.
    fleet.launch()
    fleet.aws.group(GROUP).desired_capacity = 3
    fleet.until(lambda: not fleet.is_discovered(instance))
    fleet.until(lambda: not instance.server.is_running)
    fleet.aws.begin_termination(GROUP, instance.id)
    instance.metadata.values["autoscaling/target-lifecycle-state"] = "Terminated"
    fleet.until(lambda: (instance.id, "CONTINUE") in fleet.aws.lifecycle.completed)
    instance.lose_power()
    fleet.aws.remove_from_group(GROUP, instance.id)
    del fleet.instances[instance.id]


def test_an_instance_that_loses_power_is_deregistered_by_the_function(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    instance.lose_power()
    event = {
        "detail-type": "EC2 Instance State-change Notification",
        "detail": {"instance-id": instance.id, "state": "terminated"},
    }
    assert fleet.invoke(event) == {"deregistered": [instance.id]}
    assert not fleet.is_discovered(instance)
    fleet.replace(instance)


def test_the_sweep_finds_an_ended_instance_whose_event_was_lost(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    instance.lose_power()
    fleet.replace(instance)
    sweep = {"detail-type": "Scheduled Event", "detail": {}}
    assert fleet.invoke(sweep)["deregistered"] == [instance.id]


def test_a_throttled_api_does_not_keep_a_dead_instance(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    instance.server.is_restarted = False
    fleet.aws.faults.throttled = True
    try:
        instance.server.kill()
        until_undiscovered(fleet, instance)
        instance.server.is_restarted = True
        fleet.until(lambda: fleet.is_discovered(instance))
    finally:
        fleet.aws.faults.throttled = False


def test_agents_outlive_an_outage_and_tell_the_truth_after_it(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    agents = [one.agent.pid for one in fleet.instances.values()]
    fleet.aws.faults.out = True
    instance.server.is_restarted = False
    instance.server.kill()
    # Discovery cannot know, so the client finds out by itself.
    time.sleep(OUTAGE_SECONDS)
    assert fleet.is_discovered(instance)
    fleet.aws.faults.out = False
    fleet.until(lambda: not fleet.is_discovered(instance))
    assert [one.agent.pid for one in fleet.instances.values()] == agents
    instance.server.is_restarted = True


def test_a_wrong_entry_of_the_same_instance_is_repaired(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    wrong = "127.0.0.250"
    fleet.aws.client("servicediscovery").register_instance(
        ServiceId=fleet.service_id,
        InstanceId=instance.id,
        Attributes={"AWS_INSTANCE_IPV4": wrong},
    )
    fleet.until(lambda: wrong in fleet.client.discover())
    fleet.until(lambda: wrong not in fleet.client.discover())
    assert fleet.is_discovered(instance)


def test_an_entry_that_somebody_removed_is_repaired(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    fleet.aws.client("servicediscovery").deregister_instance(
        ServiceId=fleet.service_id, InstanceId=instance.id
    )
    fleet.until(lambda: not fleet.is_discovered(instance))
    fleet.until(lambda: fleet.is_discovered(instance))


def test_an_ended_instance_with_the_address_of_a_new_one_is_removed(fleet: Fleet) -> None:
    old = fleet.any_instance()
    old.lose_power()
    # The new one is given the old one's address, and nobody has deregistered the old one.
    fleet.reuse_address(old.ip)
    new = fleet.replace(old)
    assert new.ip == old.ip
    fleet.until(lambda: old.id not in fleet.registered())


def test_two_agents_of_one_instance_do_no_harm(fleet: Fleet) -> None:
    instance = fleet.any_instance()
    second = instance.second_agent()
    second.start()
    fleet.until(lambda: "health changed" in second.log.read_text())
    assert fleet.is_whole()
    second.is_restarted = False
    second.kill()


@pytest.mark.parametrize("seconds", [-120, 120])
def test_a_clock_that_is_set_changes_nothing(fleet: Fleet, seconds: int) -> None:
    instance = fleet.any_instance()
    instance.set_clock(seconds)
    instance.server.restart_seconds = 5.0
    instance.server.kill()
    until_undiscovered(fleet, instance)
    fleet.until(lambda: fleet.is_discovered(instance))
    instance.set_clock(0)
    instance.server.restart_seconds = 2.0


@pytest.mark.parametrize("seconds", [-7200, 7200])
def test_an_agent_outlives_a_clock_that_aws_refuses(fleet: Fleet, seconds: int) -> None:
    instance = fleet.any_instance()
    pid = instance.agent.pid
    log = len(instance.agent_log())
    instance.set_clock(seconds)
    fleet.until(lambda: "credentials are renewed" in messages(instance.agent_log()[log:]))
    instance.server.is_restarted = False
    instance.server.kill()
    fleet.until(lambda: "health changed" in messages(instance.agent_log()[log:]))
    instance.set_clock(0)
    fleet.until(lambda: not fleet.is_discovered(instance))
    instance.server.is_restarted = True
    fleet.until(lambda: fleet.is_discovered(instance))
    assert instance.agent.pid == pid


def test_in_the_end_cloud_map_holds_exactly_the_living(fleet: Fleet) -> None:
    assert fleet.registered() == dict.fromkeys(fleet.instances, "HEALTHY")
    assert set(fleet.aws.group_instances(GROUP)) == set(fleet.instances)
    assert fleet.client.discover() == sorted(one.ip for one in fleet.instances.values())
    assert fleet.client.total > 0


@pytest.mark.parametrize(
    ("role", "key"), [("InstanceRole", ROLE_KEY), ("DeregisterRole", FUNCTION_KEY)]
)
def test_the_stacks_roles_allow_every_call_that_was_made(fleet: Fleet, role: str, key: str) -> None:
    made = {
        f"{call.service}:{call.operation}" for call in fleet.aws.faults.calls if call.caller == key
    }
    template = json.loads(LlmServiceInfraStack().to_json())
    allowed = {
        action
        for document in Evaluator(template).documents(role)
        for statement in document["Statement"]
        for action in statement["Action"]
    }
    assert made
    assert made - allowed == set()


def test_the_agents_stayed_small(fleet: Fleet) -> None:
    peaks = [instance.peak_agent_mebibytes() for instance in fleet.instances.values()]
    assert max(peaks) < AGENT_MEBIBYTES
