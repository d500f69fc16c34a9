"""Linting gives the same result on every machine."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from deployment.errors import UsageError
from deployment.linter import Linter
from templates.stacks import ALL_STACKS

BAD = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"Nmae": "x"}}}}


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.template.json"
    path.write_text(json.dumps(BAD))
    return path


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("dist")
    paths = []
    for stack in ALL_STACKS:
        path = folder / stack().file_name
        path.write_text(stack().to_json())
        paths.append(path)
    return paths


def test_our_templates_have_no_finding_in_any_region_of_the_default(emitted: list[Path]) -> None:
    assert [str(finding) for finding in Linter().findings(emitted)] == []


def test_a_users_own_settings_change_nothing_unless_asked(
    bad: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for folder in (home, tmp_path):
        (folder / ".cfnlintrc").write_text("ignore_checks:\n  - E3\n  - W\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    assert Linter(["us-east-1"]).findings([bad])
    assert Linter(["us-east-1"], tmp_path / ".cfnlintrc").findings([bad]) == []


def test_the_environments_region_changes_nothing(
    emitted: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "no-such-region")
    assert Linter(["us-east-1"]).findings(emitted[:1]) == []


def test_findings_say_where(bad: Path) -> None:
    (finding,) = Linter(["us-east-1"]).findings([bad])
    assert finding.file == str(bad)
    assert finding.line == 1
    assert finding.path.startswith("Resources/Bucket/Properties")
    assert "Nmae" in finding.message


def test_names_with_patterns_in_them_are_files_too(tmp_path: Path) -> None:
    path = tmp_path / "[a]*.template.json"
    path.write_text(json.dumps(BAD))
    assert len(Linter(["us-east-1"]).findings([path])) == 1


def test_reports_for_other_programs(bad: Path) -> None:
    linter = Linter(["us-east-1"])
    matches = linter.lint([bad])
    sarif = json.loads(linter.report(matches, "sarif"))
    assert [result["ruleId"] for result in sarif["runs"][0]["results"]] == ["E3002"]
    junit = ElementTree.fromstring(linter.report(matches, "junit"))
    assert len(junit.findall(".//failure")) == 1


def test_a_template_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no template .*missing\.json") as caught:
        Linter(["us-east-1"]).lint([tmp_path / "missing.json"])
    assert "generate.py" in caught.value.remedy


def test_a_region_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="eu-moon-1"):
        Linter(["eu-moon-1"])
