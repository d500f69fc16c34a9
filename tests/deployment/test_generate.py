"""generate.py as its callers see it: files, exit status, and nothing that differs by machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = {"LlmServiceInfraStack.template.json", "LlmServiceCicdPipelineStack.template.json"}


def generate(
    *arguments: str, folder: Path = ROOT, seed: str = "0"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "generate.py"), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_without_arguments_it_writes_both_stacks_to_dist(tmp_path: Path) -> None:
    done = generate(folder=tmp_path)
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "dist").iterdir()}
    assert written >= NAMES
    for name in NAMES:
        text = (tmp_path / "dist" / name).read_bytes()
        assert len(text) < 51_200
        assert text.isascii()
        assert json.loads(text)["AWSTemplateFormatVersion"] == "2010-09-09"


def test_the_same_bytes_whatever_the_folder_and_the_hash_seed(tmp_path: Path) -> None:
    results = []
    for seed in ("0", "1", "4242"):
        folder = tmp_path / f"folder {seed}"
        folder.mkdir()
        done = generate("--output-dir", "out", folder=folder, seed=seed)
        assert done.returncode == 0, done.stderr
        results.append({path.name: path.read_bytes() for path in (folder / "out").iterdir()})
    assert results[0] == results[1] == results[2]


def test_a_second_run_leaves_unchanged_files_alone(tmp_path: Path) -> None:
    generate(folder=tmp_path)
    path = tmp_path / "dist" / "LlmServiceInfraStack.template.json"
    before = path.stat().st_mtime_ns
    generate(folder=tmp_path)
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("arguments", [("lint", "missing.json"), ("no-such-command",)])
def test_wrong_calls_end_with_2_and_say_so_on_standard_error(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = generate(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_lint_ends_with_1_when_it_finds_something(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"Resources":{"T":{"Type":"AWS::SNS::Topik"}}}')
    done = generate("lint", "a.json", "--output", "json", "--region", "us-east-1", folder=tmp_path)
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding["rule"] == "E3006"


def test_help_needs_no_library_of_aws() -> None:
    code = (
        "import sys; sys.argv = ['generate.py', '--help']\n"
        "from deployment.command_line import main\n"
        "main()\n"
        "slow = {'boto3', 'botocore', 'cfnlint', 'troposphere'} & set(sys.modules)\n"
        "sys.exit(f'imported {slow}' if slow else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
