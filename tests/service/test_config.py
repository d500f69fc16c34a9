from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from llm_service.config import Settings, SettingsError

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes the machine's own settings out of the way."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_every_setting_has_a_default() -> None:
    settings = Settings.load()
    assert settings.port == 50051
    assert settings.model_name == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert settings.log_prompts is False


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("PORT", "8080", "port", 8080),
        ("PORT", "", "port", 50051),
        ("DTYPE", "BFloat16", "dtype", "bfloat16"),
        ("DEVICE", " CPU ", "device", "cpu"),
        ("LOG_LEVEL", "WARNING", "log_level", "warning"),
        ("REFLECTION", "false", "reflection", False),
        ("DRAIN_SECONDS", "0", "drain_seconds", 0),
        ("MAX_QUEUE_SIZE", "0", "max_queue_size", 0),
        ("CHAT_TEMPLATE", "/etc/mine.jinja", "chat_template", "/etc/mine.jinja"),
        ("MODEL_CACHE_DIR", "/models", "model_cache_dir", Path("/models")),
    ],
)
def test_the_environment_sets_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, expected: object
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(Settings.load(), field) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("DEVICE", "tpu"),
        ("DTYPE", "int8"),
        ("CHAT_TEMPLATE", "chatml"),
        ("MAX_BATCH_SIZE", "0"),
        ("MAX_BATCH_SIZE", "1.5"),
        ("MAX_CONTEXT_LENGTH", "1"),
        ("MAX_TOKENS_LIMIT", "0"),
        ("MAX_QUEUE_SIZE", "-1"),
        ("CACHE_MEMORY_SHARE", "0"),
        ("CACHE_MEMORY_SHARE", "1.1"),
        ("STEP_TIMEOUT_SECONDS", "nan"),
        ("DRAIN_SECONDS", "-1"),
        ("DRAIN_SECONDS", "inf"),
        ("DRAIN_NOTICE_SECONDS", "soon"),
        ("MAX_CONNECTION_AGE_SECONDS", "0"),
        ("MAX_CONNECTION_AGE_GRACE_SECONDS", "0"),
        ("REFLECTION", "perhaps"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("LOG_PROMPTS", "2"),
        ("TLS_CERTIFICATE_FILE", "/no/such/file"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert re.fullmatch(rf"{name}={re.escape(value)}: must be .+", str(caught.value))


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("DEVICE", "y")
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert str(caught.value).splitlines() == [
        "DEVICE=y: must be auto, cpu or cuda",
        "PORT=x: must be a whole number, 1 to 65535",
    ]


def test_a_certificate_needs_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLS_CERTIFICATE_FILE", os.__file__)
    with pytest.raises(SettingsError, match=r"^TLS_KEY_FILE=: must be .* together with"):
        Settings.load()


def test_every_setting_is_documented() -> None:
    documented = DOCUMENTATION.read_text(encoding="utf-8")
    missing = [name for name in Settings.model_fields if f"| `{name.upper()}` |" not in documented]
    assert not missing
    assert all(f"{name.upper()}=" in Settings.help() for name in Settings.model_fields)
