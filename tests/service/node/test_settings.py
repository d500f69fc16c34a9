from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from llm_service.node.settings import Settings


def load(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    monkeypatch.setenv("CLOUD_MAP_SERVICE_ID", "srv-abc123")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return Settings()  # type: ignore[call-arg]


def test_takes_values_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(
        monkeypatch, SERVER_ADDRESS="[::1]:50052", PROBE_FALL="4", SERVER_LOG_FILE="/var/log/x"
    )
    assert settings.cloud_map_service_id == "srv-abc123"
    assert (settings.server_host, settings.server_port) == ("::1", 50052)
    assert settings.probe_fall == 4
    assert settings.server_log_file == Path("/var/log/x")


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, SERVER_TLS_CA_FILE="", SIGNAL_LOGICAL_ID="", DRAIN_SECONDS="")
    assert settings.server_tls_ca_file is None
    assert settings.signal_logical_id == ""
    assert settings.drain_seconds == 90


def test_spells_the_log_level_as_the_server_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, LOG_LEVEL="warning").log_level == "WARNING"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLOUD_MAP_SERVICE_ID", "ns-abc"),
        ("SERVER_ADDRESS", "localhost"),
        ("SERVER_ADDRESS", "http://localhost:1"),
        ("PROBE_RISE", "0"),
        ("PROBE_INTERVAL_SECONDS", "-1"),
        ("METADATA_ENDPOINT", "file:///etc/passwd"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_refuses_wrong_values(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        load(monkeypatch, **{name: value})


def test_a_dead_instance_is_unhealthy_within_15_seconds_by_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = load(monkeypatch)
    # The first failure shows at the end of its probe; the others follow at their intervals.
    until_reported = (settings.probe_fall - 1) * settings.probe_interval_seconds
    assert until_reported + settings.probe_timeout_seconds < 15
