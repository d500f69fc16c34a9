from __future__ import annotations

import socket
import threading

import pytest

from llm_service.node import instance_metadata
from llm_service.node.instance_identity import InstanceIdentity
from llm_service.node.instance_metadata import InstanceMetadata
from llm_service.node.metadata_error import MetadataError
from tests.doubles.metadata import Metadata


@pytest.fixture
def double() -> Metadata:
    return Metadata("i-0123456789abcdef0", "10.0.1.5")


@pytest.fixture
def metadata(double: Metadata) -> InstanceMetadata:
    return InstanceMetadata(double.url)


def test_tells_who_the_instance_is(metadata: InstanceMetadata) -> None:
    assert metadata.identity() == InstanceIdentity(
        "i-0123456789abcdef0", "10.0.1.5", "eu-west-1a", "eu-west-1"
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("instance-id", ""),
        ("instance-id", "<html>captive portal</html>"),
        ("local-ipv4", ""),
        ("local-ipv4", "10.0.1"),
        ("placement/availability-zone", ""),
        ("placement/region", " "),
    ],
)
def test_never_uses_an_empty_or_wrong_answer(
    double: Metadata, metadata: InstanceMetadata, path: str, value: str
) -> None:
    double.values[path] = value
    with pytest.raises(MetadataError, match=path):
        metadata.identity()


def test_a_missing_value_is_an_error(double: Metadata, metadata: InstanceMetadata) -> None:
    del double.values["local-ipv4"]
    with pytest.raises(MetadataError, match="local-ipv4 is not known"):
        metadata.identity()


def test_asks_for_one_token_only(double: Metadata, metadata: InstanceMetadata) -> None:
    metadata.identity()
    metadata.identity()
    assert len(double.tokens) == 1


def test_renews_a_token_before_it_ends(
    double: Metadata, metadata: InstanceMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata.identity()
    monkeypatch.setattr(instance_metadata, "TOKEN_RENEWAL_SECONDS", -1)
    metadata.target_lifecycle_state()
    assert len(double.tokens) == 2


def test_renews_a_token_that_the_service_forgot(
    double: Metadata, metadata: InstanceMetadata
) -> None:
    metadata.identity()
    double.tokens.clear()
    assert metadata.target_lifecycle_state() == "InService"


def test_gives_up_when_no_token_is_accepted(
    double: Metadata, metadata: InstanceMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(double, "new_token", lambda seconds: "never valid")
    with pytest.raises(OSError, match="401"):
        metadata.identity()


def test_never_falls_back_to_version_1(
    double: Metadata, metadata: InstanceMetadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(double, "new_token", lambda seconds: "")
    with pytest.raises(MetadataError, match="token is empty"):
        metadata.identity()
    assert double.requests == []


def test_goes_around_a_proxy(metadata: InstanceMetadata, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert metadata.identity().region == "eu-west-1"


def test_notices_are_absent_until_they_come(double: Metadata, metadata: InstanceMetadata) -> None:
    assert metadata.spot_interruption() is None
    assert metadata.rebalance_recommended() is False
    double.announce_spot_interruption()
    double.recommend_rebalance()
    double.values["autoscaling/target-lifecycle-state"] = "Terminated"
    assert metadata.spot_interruption() == "terminate"
    assert metadata.rebalance_recommended() is True
    assert metadata.target_lifecycle_state() == "Terminated"


def test_an_instance_of_no_group_has_no_lifecycle_state(
    double: Metadata, metadata: InstanceMetadata
) -> None:
    del double.values["autoscaling/target-lifecycle-state"]
    assert metadata.target_lifecycle_state() is None


@pytest.mark.parametrize("notice", ["terminate", "[]", '{"time": "now"}'])
def test_a_notice_of_another_shape_is_an_error(
    double: Metadata, metadata: InstanceMetadata, notice: str
) -> None:
    double.values["spot/instance-action"] = notice
    with pytest.raises(MetadataError, match="spot/instance-action"):
        metadata.spot_interruption()


def test_a_connection_that_breaks_off_is_an_os_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def break_off() -> None:
            connection, _ = server.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nhalf")
            connection.close()

        threading.Thread(target=break_off, daemon=True).start()
        metadata = InstanceMetadata(f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(OSError, match="IncompleteRead"):
            metadata.identity()
