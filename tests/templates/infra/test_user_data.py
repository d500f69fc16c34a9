"""The user data script as CloudFormation renders it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from templates.service_parameters import ServiceParameters
from tests.templates.infra.rendering import WORST, names_in_sub

# EC2's limit, before base64.
LIMIT = 16_384
HOST_SETUP = Path(__file__).parents[3] / "service/llm_service/node/host_setup.sh"


def shellcheck(script: str) -> str:
    program = shutil.which("shellcheck") or str(Path(".venv/bin/shellcheck").resolve())
    # SC1091: what it sources is written by itself, or is host_setup.sh, which is checked below.
    done = subprocess.run(
        [program, "--shell=bash", "--exclude=SC1091", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_the_worst_substitution_fits(deploy: Any) -> None:
    script = deploy(**WORST).user_data
    assert ServiceParameters.extra_environment.max_length == len(WORST["ExtraEnvironment"])
    assert len(script.encode()) < LIMIT


@pytest.mark.parametrize("parameters", [{}, WORST], ids=["defaults", "everything set"])
def test_shellcheck_finds_nothing(deploy: Any, parameters: dict[str, str]) -> None:
    assert shellcheck(deploy(**parameters).user_data) == ""


def test_shellcheck_finds_nothing_in_what_the_image_brings() -> None:
    assert shellcheck(HOST_SETUP.read_text()) == ""


def test_every_brace_is_a_name_of_ours(template: Any) -> None:
    text, variables = names_in_sub(template)
    names = re.findall(r"\$\{([^}]*)\}?", text)
    known = {*variables, *template["Parameters"]}
    assert {name for name in names if not name.startswith("AWS::")} <= known
    # What is given is used.
    assert set(variables) <= set(names)


def test_dynamic_references_do_not_work_in_user_data(template: Any) -> None:
    assert "{{resolve:" not in names_in_sub(template)[0]


def test_it_logs_in_and_pulls_as_the_seed_says(deploy: Any) -> None:
    script = deploy(ImageTag="1a2b3c4").user_data
    assert "aws ecr get-login-password --region" in script
    assert "docker login --username AWS --password-stdin" in script
    assert "registry='123456789012.dkr.ecr.eu-west-1.amazonaws.com'" in script
    assert "repository='llm-service:1a2b3c4'" in script
    assert "model='HuggingFaceTB/SmolLM2-135M-Instruct'" in script


def test_only_comments_stay_behind(deploy: Any) -> None:
    lines = deploy().user_data.splitlines()
    assert lines[0] == "#!/bin/bash"
    assert not any(line.lstrip().startswith("#") for line in lines[1:])
