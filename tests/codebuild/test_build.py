"""The runner keeps CodeBuild's rules; otherwise what it says of a buildspec is worth nothing."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.codebuild.build import Build
from tests.codebuild.build_result import BuildResult
from tests.codebuild.buildspec import Buildspec


def run(text: str, folder: Path, **project: str) -> BuildResult:
    source, output = folder / "source", folder / "output"
    source.mkdir()
    output.mkdir()
    return Build(Buildspec("version: 0.2\n" + text), source, output, "0" * 40, project).run()


def test_the_first_failing_command_ends_its_phase(tmp_path: Path) -> None:
    result = run(
        "phases: {build: {commands: ['echo one', 'exit 3', 'echo three']}}\n"
        "artifacts: {files: ['*']}",
        tmp_path,
    )
    assert [command.status for command in result.phases[0].commands] == [0, 3]
    assert not result.succeeded


@pytest.mark.parametrize("phase", ["install", "pre_build"])
def test_nothing_follows_a_failed_preparation(tmp_path: Path, phase: str) -> None:
    result = run(
        f"phases: {{{phase}: {{commands: ['false']}}, build: {{commands: ['true']}},"
        " post_build: {commands: ['true']}}",
        tmp_path,
    )
    assert result.phase_names == [phase]


def test_post_build_follows_a_failed_build_and_is_told(tmp_path: Path) -> None:
    result = run(
        "phases: {build: {commands: ['false']},"
        " post_build: {commands: ['echo succeeding=$CODEBUILD_BUILD_SUCCEEDING']}}",
        tmp_path,
    )
    assert result.phase_names == ["build", "post_build"]
    assert "succeeding=0" in result.log


def test_abort_ends_the_build(tmp_path: Path) -> None:
    result = run(
        "phases: {build: {on-failure: ABORT, commands: ['false']},"
        " post_build: {commands: ['true']}}",
        tmp_path,
    )
    assert result.phase_names == ["build"]


def test_finally_runs_after_a_failure(tmp_path: Path) -> None:
    result = run("phases: {build: {commands: ['false'], finally: ['echo cleaned']}}", tmp_path)
    assert "cleaned" in result.log
    assert not result.phases[0].succeeded


def test_exported_variables_and_the_folder_carry_over(tmp_path: Path) -> None:
    result = run(
        "env: {shell: bash, exported-variables: [KEPT, NEVER]}\n"
        "phases: {pre_build: {commands: ['export KEPT=\"a b\"; LOST=x; mkdir in && cd in']},"
        " build: {commands: ['echo \"[$KEPT][$LOST]\" $(basename $PWD)']}}",
        tmp_path,
    )
    assert result.exported == {"KEPT": "a b"}
    assert "[a b][] in" in result.log


def test_the_projects_variables_win_over_the_buildspecs(tmp_path: Path) -> None:
    result = run(
        "env: {variables: {A: spec, B: spec}}\nphases: {build: {commands: ['echo $A $B']}}",
        tmp_path,
        A="project",
    )
    assert "project spec" in result.log


def test_artifacts_are_packed_from_their_base(tmp_path: Path) -> None:
    result = run(
        "phases: {build: {commands: ['mkdir dist && touch dist/a.json dist/b.txt']}}\n"
        "artifacts: {base-directory: dist, files: ['*.json']}",
        tmp_path,
    )
    assert result.artifact is not None
    assert zipfile.ZipFile(result.artifact).namelist() == ["a.json"]


@pytest.mark.parametrize(
    "text",
    [
        "phases: {biuld: {commands: ['true']}}",
        "phases: {build: {comands: ['true']}}",
        "phases: {build: {commands: [{echo: 'a: b'}]}}",
        "phases: {build: {commands: ['true']}}\nartefacts: {}",
    ],
)
def test_what_codebuild_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Buildspec("version: 0.2\n" + text)
