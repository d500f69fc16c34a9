from __future__ import annotations

import asyncio
from typing import Any

import pytest
from botocore.exceptions import ClientError

from llm_service.node.aws_api import AwsApi
from llm_service.node.instance_identity import InstanceIdentity
from llm_service.node.registration import Registration
from llm_service.node.registration_error import RegistrationError
from tests.doubles.aws import Aws
from tests.doubles.until import until

SOMEBODY = "i-00000000000000000"


class Entries:
    """The Cloud Map service as the test sees it."""

    def __init__(self, aws: Aws, service_id: str) -> None:
        self._aws = aws
        self._cloud_map = aws.client("servicediscovery")
        self._service_id = service_id

    def all(self) -> dict[str, dict[str, str]]:
        answer = self._cloud_map.list_instances(ServiceId=self._service_id)
        return {one["Id"]: one["Attributes"] for one in answer["Instances"]}

    def health(self) -> dict[str, str]:
        answer = self._cloud_map.get_instances_health_status(ServiceId=self._service_id)
        return dict(answer["Status"])

    def register(self, instance_id: str, **attributes: str) -> None:
        self._cloud_map.register_instance(
            ServiceId=self._service_id, InstanceId=instance_id, Attributes=attributes
        )
        while instance_id not in self.all():
            pass

    def set_health(self, instance_id: str, status: str) -> None:
        self._cloud_map.update_instance_custom_health_status(
            ServiceId=self._service_id, InstanceId=instance_id, Status=status
        )

    def remove(self, instance_id: str) -> None:
        self._cloud_map.deregister_instance(ServiceId=self._service_id, InstanceId=instance_id)
        while instance_id in self.all():
            pass


@pytest.fixture
def entries(aws: Aws, service_id: str) -> Entries:
    return Entries(aws, service_id)


@pytest.fixture
def registration(api: AwsApi, service_id: str, identity: InstanceIdentity) -> Registration:
    return Registration(api, service_id, identity)


def operations(aws: Aws) -> list[str]:
    return aws.faults.operations()


async def test_registers_as_unhealthy_under_the_instance_id(
    registration: Registration, entries: Entries, identity: InstanceIdentity
) -> None:
    await registration.reconcile(healthy=False, verify=False)
    assert entries.all() == {
        identity.instance_id: {
            "AWS_INSTANCE_IPV4": "10.0.1.5",
            "AVAILABILITY_ZONE": "eu-west-1a",
            "AWS_INIT_HEALTH_STATUS": "UNHEALTHY",
        }
    }
    assert entries.health() == {identity.instance_id: "UNHEALTHY"}


async def test_an_entry_of_unknown_health_starts_as_unhealthy(
    registration: Registration, entries: Entries, identity: InstanceIdentity
) -> None:
    await registration.reconcile(healthy=None, verify=False)
    assert entries.health() == {identity.instance_id: "UNHEALTHY"}


async def test_awaits_the_operation(registration: Registration, entries: Entries, aws: Aws) -> None:
    aws.cloud_map.operation_seconds = 0.7
    await registration.reconcile(healthy=False, verify=False)
    assert len(entries.all()) == 1
    assert operations(aws).count("GetOperation") >= 2


async def test_reports_health_only_when_it_changed(
    registration: Registration, entries: Entries, identity: InstanceIdentity, aws: Aws
) -> None:
    for healthy in (False, True, True, False, False):
        await registration.reconcile(healthy, verify=False)
        status = "HEALTHY" if healthy else "UNHEALTHY"
        assert entries.health() == {identity.instance_id: status}
    assert operations(aws).count("UpdateInstanceCustomHealthStatus") == 2


async def test_an_agent_that_starts_again_leaves_a_right_entry_alone(
    api: AwsApi, service_id: str, identity: InstanceIdentity, entries: Entries, aws: Aws
) -> None:
    first = Registration(api, service_id, identity)
    await first.reconcile(healthy=False, verify=False)
    await first.reconcile(healthy=True, verify=False)
    aws.faults.calls.clear()
    again = Registration(api, service_id, identity)
    await again.reconcile(healthy=None, verify=False)
    await again.reconcile(healthy=True, verify=False)
    assert "RegisterInstance" not in operations(aws)
    assert "UpdateInstanceCustomHealthStatus" not in operations(aws)
    assert entries.health() == {identity.instance_id: "HEALTHY"}


async def test_repairs_an_entry_that_somebody_removed(
    registration: Registration, entries: Entries, identity: InstanceIdentity
) -> None:
    await registration.reconcile(healthy=True, verify=False)
    entries.remove(identity.instance_id)
    await registration.reconcile(healthy=True, verify=False)
    assert entries.all() == {}
    await registration.reconcile(healthy=True, verify=True)
    # Not by way of UNHEALTHY: it serves already.
    assert entries.health() == {identity.instance_id: "HEALTHY"}


async def test_notices_at_its_next_report_that_the_entry_is_gone(
    registration: Registration, entries: Entries, identity: InstanceIdentity
) -> None:
    await registration.reconcile(healthy=True, verify=False)
    entries.remove(identity.instance_id)
    with pytest.raises(ClientError, match="InstanceNotFound"):
        await registration.reconcile(healthy=False, verify=False)
    await registration.reconcile(healthy=False, verify=False)
    assert entries.health() == {identity.instance_id: "UNHEALTHY"}


async def test_repairs_an_entry_with_another_address(
    registration: Registration, entries: Entries, identity: InstanceIdentity
) -> None:
    entries.register(identity.instance_id, AWS_INSTANCE_IPV4="10.9.9.9")
    await registration.reconcile(healthy=False, verify=False)
    assert entries.all()[identity.instance_id]["AWS_INSTANCE_IPV4"] == "10.0.1.5"
    assert entries.health() == {identity.instance_id: "UNHEALTHY"}


async def test_corrects_a_health_that_somebody_else_set(
    registration: Registration, entries: Entries, identity: InstanceIdentity
) -> None:
    await registration.reconcile(healthy=False, verify=False)
    entries.set_health(identity.instance_id, "HEALTHY")
    await registration.reconcile(healthy=False, verify=True)
    assert entries.health() == {identity.instance_id: "UNHEALTHY"}


async def test_removes_an_ended_instance_that_had_its_address(
    registration: Registration, entries: Entries, identity: InstanceIdentity
) -> None:
    other = "i-11111111111111111"
    entries.register(SOMEBODY, AWS_INSTANCE_IPV4=identity.private_ip)
    entries.register(other, AWS_INSTANCE_IPV4="10.0.1.6")
    await registration.reconcile(healthy=False, verify=False)
    assert set(entries.all()) == {identity.instance_id, other}


async def test_a_failed_operation_is_an_error_and_is_tried_again(
    registration: Registration, entries: Entries, aws: Aws
) -> None:
    aws.cloud_map.failures = 1
    with pytest.raises(RegistrationError, match="failed"):
        await registration.reconcile(healthy=False, verify=False)
    assert entries.all() == {}
    await registration.reconcile(healthy=False, verify=False)
    assert len(entries.all()) == 1


async def test_two_agents_at_once_make_one_entry(
    api: AwsApi,
    service_id: str,
    identity: InstanceIdentity,
    entries: Entries,
    aws: Aws,
) -> None:
    aws.cloud_map.operation_seconds = 0.5
    agents = [Registration(api, service_id, identity) for _ in range(2)]
    await asyncio.gather(*(agent.reconcile(healthy=False, verify=False) for agent in agents))
    assert list(entries.all()) == [identity.instance_id]


async def test_removal_is_awaited_and_final(
    registration: Registration, entries: Entries, aws: Aws
) -> None:
    await registration.reconcile(healthy=True, verify=False)
    aws.cloud_map.operation_seconds = 0.3
    await registration.remove()
    assert entries.all() == {}
    await registration.reconcile(healthy=True, verify=True)
    assert entries.all() == {}


async def test_removing_what_is_not_there_is_done(registration: Registration) -> None:
    await registration.remove()


async def test_removal_awaits_one_that_is_under_way(
    registration: Registration, entries: Entries, identity: InstanceIdentity, aws: Aws
) -> None:
    await registration.reconcile(healthy=True, verify=False)
    aws.cloud_map.operation_seconds = 0.5
    aws.client("servicediscovery").deregister_instance(
        ServiceId=registration._service_id, InstanceId=identity.instance_id
    )
    await registration.remove()
    assert entries.all() == {}


async def test_removal_does_not_wait_for_a_registration_that_takes_its_time(
    registration: Registration, entries: Entries, aws: Aws
) -> None:
    aws.cloud_map.operation_seconds = 2
    registering = asyncio.create_task(registration.reconcile(healthy=False, verify=False))
    await until(lambda: "RegisterInstance" in operations(aws))
    aws.cloud_map.operation_seconds = 0.05
    with pytest.raises(RegistrationError, match="leaves"):
        await asyncio.gather(registering, registration.remove())


async def test_counts_the_other_healthy_instances(
    registration: Registration, entries: Entries, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registration.reconcile(healthy=True, verify=False)
    for number in range(4):
        entries.register(f"i-{number:017x}", AWS_INSTANCE_IPV4=f"10.0.2.{number}")
    entries.set_health(SOMEBODY, "UNHEALTHY")
    call = registration._api.call

    async def in_pages(service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        return await call(service, operation, MaxResults=2, **parameters)

    monkeypatch.setattr(registration._api, "call", in_pages)
    assert await registration.other_healthy_instances() == 3
