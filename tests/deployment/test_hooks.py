"""What other repositories use of this one: the pre-commit hook and the CI example."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())


@pytest.mark.parametrize(
    ("name", "matches"),
    [
        ("dist/LlmServiceInfraStack.template.json", True),
        ("infra/cloudformation.yaml", True),
        ("cfn-main.yml", True),
        ("package.json", False),
        ("templates/readme.md", False),
        (".github/workflows/ci.yml", False),
    ],
)
def test_the_hook_takes_templates_and_leaves_other_files(name: str, matches: bool) -> None:
    assert bool(re.search(HOOK["files"], name)) is matches


def test_the_hooks_entry_lints_files_of_another_repository(tmp_path: Path) -> None:
    template = tmp_path / "their.template.json"
    template.write_text(json.dumps({"Resources": {"A": {"Type": "AWS::S3::Bucket"}}}))
    program, *arguments = shlex.split(HOOK["entry"])
    assert program == "python"
    command = [sys.executable, *arguments, str(template), "--region", "us-east-1", "--no-cache"]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    template.write_text(json.dumps({"Resources": {"A": {"Type": "AWS::S3::Buckett"}}}))
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "E3006" in done.stdout


def test_the_ci_example_runs_the_same_command_and_uploads_sarif() -> None:
    workflow = yaml.safe_load((ROOT / "docs/examples/github-actions-lint.yml").read_text())
    steps = workflow["jobs"]["lint"]["steps"]
    (lint,) = [step for step in steps if step.get("id") == "lint"]
    assert lint["run"].startswith(HOOK["entry"])
    assert "--output sarif" in lint["run"]
    assert steps[-1]["with"]["sarif_file"] in lint["run"]
