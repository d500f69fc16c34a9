"""The user data script at work, in a bare container with doubles that record."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.templates.infra.instance import IMAGE, Boot, boot

pytestmark = pytest.mark.docker

INSTANCE = "i-0123456789abcdef0"
TLS = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tls-Ab12"
TOKENS = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:tokens-Ab12"


@pytest.fixture(scope="module", autouse=True)
def _engine() -> None:
    try:
        done = subprocess.run(
            ["docker", "image", "inspect", IMAGE], capture_output=True, timeout=30, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"no Docker engine: {error}")
    if done.returncode:
        pytest.skip(f"no Docker engine with {IMAGE}")


@pytest.fixture(scope="module")
def healthy(deploy: Any, tmp_path_factory: pytest.TempPathFactory) -> Boot:
    script = deploy(
        TlsSecretArn=TLS, TokenSecretArn=TOKENS, ExtraEnvironment="DTYPE=float32,PORT=1"
    ).user_data
    return boot(tmp_path_factory.mktemp("healthy"), script)


def shipped(result: Boot) -> str:
    """Returns the log that reached CloudWatch, read as the AWS CLI reads it."""
    # A call over several lines is recorded as it is; the message itself holds no line break.
    (call,) = result.called("logs put-log-events")
    assert f"--log-stream-name user-data/{INSTANCE}" in call
    (event,) = json.loads(call.split("--log-events ")[1])
    assert event["timestamp"] > 1_600_000_000_000
    return str(event["message"])


def test_a_boot_starts_server_and_agent_and_says_so(healthy: Boot) -> None:
    assert healthy.status == 0, healthy.output
    assert healthy.called("systemctl restart llm-service-drain.path llm-service.service")
    assert healthy.called("systemctl enable llm-service.service llm-node-agent.service")
    # Success is the node agent's to signal, once the model serves.
    assert not healthy.called("signal-resource")
    assert not healthy.called("set-instance-health")
    assert "set up 123456789012.dkr.ecr.eu-west-1.amazonaws.com/llm-service:latest" in shipped(
        healthy
    )


def test_commands_come_in_the_right_order(healthy: Boot) -> None:
    order = ["dnf install -y -q docker", "systemctl start docker", "docker login", "docker pull"]
    positions = [healthy.calls.index(healthy.called(text)[0]) for text in order]
    assert positions == sorted(positions)


def test_the_environment_files(healthy: Boot) -> None:
    server = healthy.files["llm-service/server.env"].splitlines()
    assert "MODEL_NAME=HuggingFaceTB/SmolLM2-135M-Instruct" in server
    assert "TLS_CERTIFICATE_FILE=/run/secrets/certificate.pem" in server
    assert "TOKENS_FILE=/run/secrets/tokens" in server
    # Docker takes the last of two: the operator's own settings win.
    assert [line for line in server if line.startswith("PORT=")] == ["PORT=50051", "PORT=1"]
    assert server[-2:] == ["DTYPE=float32", "PORT=1"]
    agent = dict(line.split("=", 1) for line in healthy.files["llm-service/agent.env"].splitlines())
    assert agent["CLOUD_MAP_SERVICE_ID"] == "srv-discoveryservice"
    assert agent["SIGNAL_LOGICAL_ID"] == "AutoScalingGroup"
    assert agent["LIFECYCLE_HOOK_NAME"] == "drain-before-termination"
    assert agent["SERVER_ADDRESS"] == "127.0.0.1:50051"
    assert agent["SERVER_TLS_NAME"] == "llm.llm-service"
    assert 60 <= int(agent["SIGNAL_DEADLINE_SECONDS"]) < 1200


def test_secrets_are_read_at_the_servers_start_and_not_before(healthy: Boot) -> None:
    assert not healthy.called("get-secret-value")
    unit = healthy.files["system/llm-service.service"]
    assert "ExecStartPre=/usr/local/bin/llm-service-secrets" in unit
    script = healthy.files["bin/llm-service-secrets"]
    assert f"secret '{TLS}'" in script
    assert f"secret '{TOKENS}'" in script
    # /run is memory, and only the image's user reads this folder.
    assert "cd /run/llm-service-secrets" in script
    assert (
        "d /run/llm-service-secrets 0700 10001 10001"
        in (healthy.files["tmpfiles.d/llm-service.conf"])
    )


def test_the_agent_accepts_its_environment(healthy: Boot, monkeypatch: pytest.MonkeyPatch) -> None:
    from llm_service.node.settings import Settings

    for line in healthy.files["llm-service/agent.env"].splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)
    settings = Settings()  # type: ignore[call-arg]  # the values come from the environment
    assert settings.cloud_map_service_id == "srv-discoveryservice"
    assert str(settings.server_tls_ca_file) == "/run/llm-service/ca.pem"


def test_containers_are_hardened(healthy: Boot) -> None:
    for name in ("llm-service", "llm-node-agent"):
        unit = healthy.files[f"system/{name}.service"]
        for flag in (
            "--read-only",
            "--cap-drop ALL",
            "--security-opt no-new-privileges",
            "--pids-limit",
            "--memory",
            "--log-driver awslogs",
            f"/{INSTANCE}",
        ):
            assert flag in unit
        assert "docker.sock" not in unit
        assert "Restart=always" in unit
        assert "StartLimitBurst=10" in unit
        assert "OnFailure=llm-service-failed.service" in unit
    # 1,024 MiB less what the system needs.
    assert "--memory 832m --memory-swap -1" in healthy.files["system/llm-service.service"]
    assert "python -m llm_service.node.main" in healthy.files["system/llm-node-agent.service"]


def test_systemd_understands_the_units(healthy: Boot, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze")
    units = [name for name in healthy.files if name.startswith("system/llm-")]
    assert len(units) == 5
    for name in units:
        # What is not on this machine only has to exist.
        text = (
            healthy.files[name].replace("/doubles/", "/bin/").replace("/usr/bin/docker", "/bin/sh")
        )
        text = re.sub(r"/bin/(aws|systemctl)\b", "/bin/sh", text)
        text = text.replace("/usr/local/bin/llm-service-secrets", "/bin/sh")
        (tmp_path / Path(name).name).write_text(text)
    (tmp_path / "docker.service").write_text("[Service]\nExecStart=/bin/sh\n")
    done = subprocess.run(
        [program, "verify", "--man=no", *map(str, tmp_path.glob("llm-*"))],
        capture_output=True,
        text=True,
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "llm-" in line]
    assert complaints == []
    assert done.returncode == 0, done.stderr


def test_the_secrets_script_is_sound(healthy: Boot) -> None:
    done = subprocess.run(
        [str(Path(".venv/bin/shellcheck").resolve()), "-"],
        input=healthy.files["bin/llm-service-secrets"],
        capture_output=True,
        text=True,
        check=False,
    )
    # SC2157: -n of a constant, which is how the two secrets are rendered in.
    assert not [line for line in re.findall(r"SC\d+", done.stdout) if line not in ("SC2157",)]


def test_a_small_machine_gets_swap_and_a_large_one_none(deploy: Any, tmp_path: Path) -> None:
    small = boot(tmp_path / "small", deploy().user_data, memory_gib=1)
    large = boot(tmp_path / "large", deploy().user_data, memory_gib=16)
    assert (small.status, large.status) == (0, 0)
    assert small.called("swapon /swapfile")
    assert not large.called("swapon")
    assert "--memory 16192m" in large.files["system/llm-service.service"]


def test_amazon_linux_2_works_too(deploy: Any, tmp_path: Path) -> None:
    result = boot(tmp_path, deploy().user_data, amazon_linux=2)
    assert result.status == 0, result.output
    assert result.called("amazon-linux-extras install -y docker")


def test_a_second_run_makes_the_same(deploy: Any, tmp_path: Path) -> None:
    script = deploy().user_data
    once, twice = boot(tmp_path / "1", script), boot(tmp_path / "2", script, boots=2)
    assert twice.status == 0, twice.output

    def without_deadline(files: dict[str, str]) -> dict[str, str]:
        return {name: re.sub("DEADLINE_SECONDS=.*", "", text) for name, text in files.items()}

    assert without_deadline(twice.files) == without_deadline(once.files)
    assert len(twice.called("dnf install")) == 1


def test_weights_of_a_bucket_are_copied(deploy: Any, tmp_path: Path) -> None:
    result = boot(tmp_path, deploy(WeightsLocation="s3://bucket/models/x").user_data)
    assert result.called("aws s3 sync --only-show-errors s3://bucket/models/x")
    assert "MODEL_NAME=/models/weights" in result.files["llm-service/server.env"]


@pytest.mark.parametrize(
    "failing",
    [
        "dnf install",
        "systemctl start docker",
        "get-login-password",
        "docker pull",
        "s3 sync",
        "mkswap",
        "docker run --rm --network none --entrypoint cat",
        "systemd-tmpfiles",
        "systemctl restart",
    ],
)
def test_a_failure_is_reported_with_its_line_and_the_instance_replaced(
    deploy: Any, tmp_path: Path, failing: str
) -> None:
    script = deploy(WeightsLocation="s3://bucket/models/x").user_data
    result = boot(tmp_path, script, failing=failing)
    assert result.status != 0
    signals = result.called("signal-resource")
    assert len(signals) == 2, result.output
    assert all("--logical-resource-id AutoScalingGroup" in signal for signal in signals)
    assert all(signal.endswith("--status FAILURE") for signal in signals)
    first, second = (signal.split("--unique-id ")[1].split(" --status")[0] for signal in signals)
    assert re.match(rf"{INSTANCE} line \d+: \w", first)
    assert len(first) <= 64
    assert second == INSTANCE
    (replaced,) = result.called("set-instance-health")
    assert f"--instance-id {INSTANCE} --health-status Unhealthy" in replaced
    assert "FAILED with" in shipped(result)


def test_an_image_that_checks_no_tokens_does_not_serve(deploy: Any, tmp_path: Path) -> None:
    script = deploy(TokenSecretArn=TOKENS).user_data
    result = boot(tmp_path, script, failing="--entrypoint python")
    assert result.status != 0
    assert not result.called("systemctl restart")
    assert len(result.called("signal-resource")) == 2


def test_without_an_identity_nothing_is_done_in_its_name(deploy: Any, tmp_path: Path) -> None:
    result = boot(tmp_path, deploy().user_data, identity=False)
    assert result.status != 0
    assert not result.called("docker")
    assert "FAILED" in result.output


def test_a_failing_report_does_not_hide_the_failure(deploy: Any, tmp_path: Path) -> None:
    result = boot(tmp_path, deploy().user_data, failing="aws ")
    assert result.status != 0
    assert len(result.called("get-login-password")) == 6, "tried again before giving up"
