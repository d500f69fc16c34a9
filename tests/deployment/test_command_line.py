from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from deployment import command_line
from deployment.aws import Aws
from deployment.command_line import COMMANDS, main
from deployment.exit_code import ExitCode
from deployment.stack_state import StackState
from tests.deployment.fakes import client_error

ROOT = Path(__file__).parents[2]
TEMPLATE = {
    "Parameters": {"Name": {"Type": "String", "Default": "x"}},
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Name"}}},
        "Logs": {"Type": "AWS::Logs::LogGroup"},
    },
}
ALL_COMMANDS = [function.__name__ for group in COMMANDS.values() for function in group]


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    path = tmp_path / "demo.json"
    path.write_text(json.dumps(TEMPLATE))
    return str(path)


def result_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """Runs a command that has to succeed and returns its JSON."""
    capsys.readouterr()
    assert main([*arguments, "--output", "json"]) == ExitCode.DONE
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_stacks_whole_life(
    mocked: Aws, template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = result_of(capsys, "diff", template)
    assert new["new"] is True
    assert new["counts"]["add"] == 2
    made = result_of(capsys, "deploy", template, "--yes", "-p", "Name=a, b = c")
    assert made["status"] == "CREATE_COMPLETE"
    state = StackState.read(mocked, "demo")
    assert state is not None
    assert state.parameters == {"Name": "a, b = c"}
    assert result_of(capsys, "deploy", template, "--yes")["changed"] is False
    assert result_of(capsys, "diff", template, "--fail")["different"] is False
    assert result_of(capsys, "status", "demo")["rows"][0]["state"] == "CREATE_COMPLETE"
    assert result_of(capsys, "watch", "demo")["status"] == "CREATE_COMPLETE"
    assert result_of(capsys, "destroy", "demo", "--yes")["deleted"] is True
    assert result_of(capsys, "destroy", "demo", "--yes")["deleted"] is False


def test_differences_fail_only_when_asked(
    mocked: Aws, template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", template]) == ExitCode.DONE
    assert main(["diff", template, "--fail"]) == ExitCode.DIFFERENCES
    assert "+ Topic  AWS::SNS::Topic" in capsys.readouterr().out


def test_uploading_prints_links(
    mocked: Aws, template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mocked.client("s3").create_bucket(
        Bucket="ours", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    (sent,) = result_of(capsys, "upload", template, "--bucket", "ours")["templates"]
    assert sent["sent"] is True
    assert sent["quick_create"].startswith("https://eu-west-1.console.aws.amazon.com/")
    assert (
        result_of(capsys, "upload", template, "--bucket", "ours")["templates"][0]["sent"] is False
    )
    stacks = result_of(capsys, "upload", "--bucket", "ours")["templates"]
    assert {item["stack"] for item in stacks} >= {
        "LlmServiceInfraStack",
        "LlmServiceCicdPipelineStack",
    }


def test_preflight_prints_a_line_a_check(
    mocked: Aws, template: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checked = result_of(capsys, "preflight", template)
    assert checked["passed"] is True
    assert main(["preflight", template, "--stack-name", "my_stack"]) == ExitCode.DIFFERENCES
    assert "-> use 'my-stack'" in capsys.readouterr().out


def test_graph_writes_a_picture_without_aws(
    template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pictures" / "demo.svg"
    drawn = result_of(capsys, "graph", template, "--file", str(path))
    assert drawn["resources"] == 2
    assert path.read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["deploy"], "no stack is named"),
        (["deploy", "--rollback-to", "abc"], "deployed by the pipeline"),
        (["deploy", "my_stack"], "neither a stack of this repository nor a file"),
        (["deploy", "TEMPLATE", "--stack-name", "my_stack"], "'my_stack' is not allowed"),
        (["deploy", "TEMPLATE", "-p", "Nmae=x"], "no parameter 'Nmae'"),
        (["deploy", "TEMPLATE", "-p", "novalue"], "is not KEY=VALUE"),
        (["deploy", "TEMPLATE", "--tag", "aws:x=y"], "belong to AWS"),
        (["deploy", "TEMPLATE", "--tag", "a=;"], "not allowed: ;"),
        (["deploy", "TEMPLATE", "--config", "absent.json"], "cannot read the configuration"),
        (["deploy", "LlmServiceInfraStack"], "deployed by the pipeline"),
        (["deploy", "TEMPLATE", "--skip-preflight"], "nobody can answer here"),
        (["watch", "absent"], "absent does not exist"),
        (["logs", "absent", "--since", "x"], "is not a duration"),
        (["ask", "hello", "--stack", "absent"], "absent does not exist"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_next(
    mocked: Aws,
    template: str,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    what: str,
) -> None:
    given = [template if argument == "TEMPLATE" else argument for argument in arguments]
    assert main(given) == ExitCode.USAGE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert what in printed.err
    assert "Next:" in printed.err
    assert "Traceback" not in printed.err
    assert main([*given, "--output", "json"]) == ExitCode.USAGE
    document = capsys.readouterr().err
    error = json.loads(document[document.index('{\n  "error"') :])["error"]
    assert what in error["what"]
    assert error["exit_code"] == 2


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (client_error("ExpiredToken", "expired", 403), "credentials have expired"),
        (client_error("AccessDenied", "not authorized to perform: x:Y", 403), "access denied"),
        (client_error("Throttling", "Rate exceeded"), "too many requests"),
        (EndpointConnectionError(endpoint_url="https://x"), "cannot be reached"),
    ],
)
def test_what_aws_refuses_exits_with_3(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    what: str,
) -> None:
    def refuse(self: Aws, service: str, **_: str) -> None:
        raise error

    monkeypatch.setattr(Aws, "client", refuse)
    for arguments in (["status", "demo"], ["destroy", "demo"], ["drift", "demo"], ["logs", "demo"]):
        assert main([*arguments, "--region", "eu-west-1"]) == ExitCode.AWS_REFUSED
        assert what in capsys.readouterr().err


def test_without_region_or_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "demo"]) == ExitCode.USAGE
    assert "no AWS region is set" in capsys.readouterr().err
    assert main(["status", "demo", "--region", "eu-west-1"]) == ExitCode.AWS_REFUSED
    assert "no AWS credentials" in capsys.readouterr().err
    assert main(["status", "demo", "--profile", "nobody"]) == ExitCode.USAGE
    assert "nobody" in capsys.readouterr().err


def test_ctrl_c_before_anything_runs_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(StackState, "read", interrupt)
    assert main(["status", "demo", "--region", "eu-west-1"]) == 130
    assert "nothing was left running in AWS" in capsys.readouterr().err


@pytest.mark.parametrize("position", ["first", "last"])
def test_a_traceback_is_shown_only_with_debug(
    template: str, capsys: pytest.CaptureFixture[str], position: str
) -> None:
    command = ["deploy", template, "-p", "bad"]
    main(["--debug", *command] if position == "first" else [*command, "--debug"])
    assert "Traceback" in capsys.readouterr().err
    main(command)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ALL_COMMANDS)
def test_every_command_has_help_and_json(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main([command, "--help"]) == ExitCode.DONE
    text = capsys.readouterr().out
    assert "--output" in text
    assert "json" in text


def test_an_unknown_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deplyo"]) == ExitCode.USAGE
    assert "deploy" in capsys.readouterr().err


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(StackState, "read", broken)
    with pytest.raises(ZeroDivisionError):
        main(["status", "demo", "--region", "eu-west-1"])


def test_the_script_itself_runs_and_returns_the_status() -> None:
    done = subprocess.run(
        [sys.executable, "generate.py", "deploy", "no_such"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.USAGE
    assert done.stdout == ""
    assert "Next:" in done.stderr


def test_commands_are_named_once() -> None:
    assert len(ALL_COMMANDS) == len(set(ALL_COMMANDS))
    assert command_line.app.registered_commands
