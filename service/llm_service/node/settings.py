from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What the node agent is told by its environment; docs/discovery.md has the same table.

    Attributes:
        cloud_map_service_id: The Cloud Map service to register in, `srv-...`.
        stack_name: Name or ARN of the stack whose roll-out waits for this instance.
        signal_logical_id: Logical id of the group in that stack; empty sends no signal.
        lifecycle_hook_name: The group's termination hook; empty completes none.
        server_address: Host and port of the model server.
        server_tls_ca_file: PEM roots for a server that speaks TLS; empty is plain text.
        server_tls_name: Name in the server's certificate, when it is not the address.
        server_log_file: File whose last lines explain a failed roll-out; empty for none.
        signal_deadline_seconds: Time from the agent's start until the server must serve.
        record_ttl_seconds: TTL of the DNS record: how long clients may come after the end of the
            registration.
        drain_seconds: Time the server takes at most to finish what runs.
        probe_interval_seconds: From the start of a probe to the start of the next.
        probe_timeout_seconds: How long one probe may take.
        probe_rise: Successes in a row that make the server healthy.
        probe_fall: Failures in a row that make it unhealthy.
        unhealthy_seconds: After so long without a healthy moment the instance is replaced.
        verify_seconds: How often the registration is compared with the truth.
        metadata_interval_seconds: How often the instance metadata is asked for notices.
        metadata_endpoint: Address of the instance metadata service.
        heartbeat_seconds: How often the lifecycle action is extended while draining.
        drain_request_file: File whose existence asks systemd to stop the server.
        signal_record_file: Remembers that the roll-out was signalled.
        metrics_namespace: CloudWatch namespace of the metric HealthyInstances; empty for none.
        log_level: Least level that is logged.
    """

    # An env file cannot leave a variable out once a template names it: empty means not set.
    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True, extra="ignore")

    cloud_map_service_id: str = Field(pattern=r"^(arn:[\w:./-]+/)?srv-[a-z0-9]+$")
    stack_name: str = ""
    signal_logical_id: str = ""
    lifecycle_hook_name: str = ""

    server_address: str = Field(default="127.0.0.1:50051", pattern=r"^[\w.\[\]:-]+:\d{1,5}$")
    server_tls_ca_file: Path | None = None
    server_tls_name: str = ""
    server_log_file: Path | None = None

    signal_deadline_seconds: float = Field(default=1200, gt=0)
    record_ttl_seconds: float = Field(default=10, ge=0)
    drain_seconds: float = Field(default=90, ge=0)
    probe_interval_seconds: float = Field(default=4, gt=0)
    probe_timeout_seconds: float = Field(default=3, gt=0)
    probe_rise: int = Field(default=2, ge=1)
    probe_fall: int = Field(default=3, ge=1)
    unhealthy_seconds: float = Field(default=300, gt=0)
    verify_seconds: float = Field(default=30, gt=0)
    metadata_interval_seconds: float = Field(default=5, gt=0)
    metadata_endpoint: str = Field(default="http://169.254.169.254", pattern=r"^https?://")
    heartbeat_seconds: float = Field(default=30, gt=0)

    drain_request_file: Path = Path("/run/llm-service/drain")
    signal_record_file: Path = Path("/var/lib/llm-service/signal")
    metrics_namespace: str = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper_case(cls, value: object) -> object:
        # The server's LOG_LEVEL, which comes from the same template, is in lower case.
        return value.upper() if isinstance(value, str) else value

    @property
    def server_host(self) -> str:
        """The server's host, without brackets around an IPv6 address."""
        return self.server_address.rpartition(":")[0].strip("[]")

    @property
    def server_port(self) -> int:
        """The server's TCP port."""
        return int(self.server_address.rpartition(":")[2])
