from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployment import lint_cache
from deployment import linter as linter_module
from deployment.command_line import main
from deployment.exit_code import ExitCode
from deployment.lint_cache import LintCache
from deployment.lint_finding import LintFinding
from deployment.lint_report import LintReport
from deployment.linter import Linter

TEMPLATE = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"Nmae": "x"}}}}
REPORT = LintReport(
    (
        LintFinding(
            file="a",
            line=1,
            column=2,
            rule="E1",
            severity="error",
            message="bad",
            path="Resources/A",
            source="https://x",
        ),
    ),
    "<xml/>",
)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "some.template.json"
    path.write_text(json.dumps(TEMPLATE))
    return path


@pytest.fixture
def cache(tmp_path: Path) -> LintCache:
    return LintCache(tmp_path / "cache")


def test_gives_back_what_was_stored(cache: LintCache) -> None:
    assert cache.load("key") is None
    cache.store("key", REPORT)
    assert cache.load("key") == REPORT
    assert cache.load("other") is None


def test_everything_that_decides_the_result_changes_the_key(
    cache: LintCache, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "rc"
    config.write_text("a: 1")
    other = tmp_path / "other.json"
    other.write_text(template.read_text())
    keys = [
        cache.key([template], ["us-east-1"], None, "text"),
        cache.key([template], ["us-west-2"], None, "text"),
        cache.key([template], ["us-east-1"], None, "sarif"),
        cache.key([template], ["us-east-1"], config, "text"),
        cache.key([other], ["us-east-1"], None, "text"),
        cache.key([template, other], ["us-east-1"], None, "text"),
    ]
    config.write_text("a: 2")
    keys.append(cache.key([template], ["us-east-1"], config, "text"))
    template.write_text(json.dumps({**TEMPLATE, "Description": "new"}))
    keys.append(cache.key([template], ["us-east-1"], None, "text"))
    monkeypatch.setattr(lint_cache, "version", lambda name: "99.0")
    keys.append(cache.key([template], ["us-east-1"], None, "text"))
    monkeypatch.setattr(lint_cache, "_own_code", lambda: "another rule")
    keys.append(cache.key([template], ["us-east-1"], None, "text"))
    assert None not in keys
    assert len(set(keys)) == len(keys)


def test_the_order_of_regions_does_not_matter(cache: LintCache, template: Path) -> None:
    one = cache.key([template], ["us-east-1", "us-west-2"], None, "text")
    assert one == cache.key([template], ["us-west-2", "us-east-1"], None, "text")


@pytest.mark.parametrize("mark", ["AWS::CloudFormation::Stack", "AWS::Serverless-2016-10-31"])
def test_a_template_that_reads_other_files_is_not_kept(
    cache: LintCache, template: Path, mark: str
) -> None:
    template.write_text(json.dumps({**TEMPLATE, "Metadata": {"x": mark}}))
    assert cache.key([template], ["us-east-1"], None, "text") is None


def test_an_absent_file_has_no_key(cache: LintCache, tmp_path: Path) -> None:
    assert cache.key([tmp_path / "absent"], ["us-east-1"], None, "text") is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"findings": [{"x": 1}], "document": ""}']
)
def test_a_broken_entry_is_as_good_as_none(cache: LintCache, tmp_path: Path, content: str) -> None:
    cache.store("key", REPORT)
    (tmp_path / "cache" / "key.json").write_text(content)
    assert cache.load("key") is None


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    LintCache(tmp_path / "file" / "cache").store("key", REPORT)


def test_the_command_lints_once_and_anew_only_when_asked(
    template: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    loads: list[object] = []
    load = Linter._load
    monkeypatch.setattr(
        Linter, "_load", lambda self, paths: loads.append(paths) or load(self, paths)
    )
    command = ["lint", str(template), "--region", "us-east-1", "--output"]
    printed = {}
    for form in ("text", "json", "sarif", "junit"):
        for run in range(2):
            assert main([*command, form]) == ExitCode.DIFFERENCES
            printed[form, run] = capsys.readouterr().out
        assert printed[form, 0] == printed[form, 1]
        assert "Nmae" in printed[form, 0]
    assert len(loads) == 4
    assert main([*command, "text", "--no-cache"]) == ExitCode.DIFFERENCES
    assert len(loads) == 5


def test_several_templates_in_several_processes_give_what_one_process_gives(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [template]
    for number in range(3):
        path = tmp_path / f"copy{number}.json"
        path.write_text(json.dumps(TEMPLATE))
        paths.append(path)
    linter = Linter(["us-east-1"])
    expected = [LintFinding.from_match(match) for match in linter.lint(paths)]
    monkeypatch.setattr(linter_module.os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(linter_module.threading, "active_count", lambda: 1)
    assert linter.findings(paths) == expected
    assert linter_module._Child.linter is linter
    assert len(expected) == 4
