from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployment.deploy_settings import read_configuration
from deployment.errors import UsageError


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_reads_the_form_that_codepipeline_takes(tmp_path: Path) -> None:
    path = write(
        tmp_path / "dev.json",
        {
            "Parameters": {"A": "text", "B": 3, "C": True, "D": ["x", "y"]},
            "Tags": {"team": "search"},
            "StackPolicy": {"Statement": []},
        },
    )
    read = read_configuration(path)
    assert read["Parameters"] == {"A": "text", "B": "3", "C": "true", "D": "x,y"}
    assert read["Tags"] == {"team": "search"}
    assert read["StackPolicy"] == {"Statement": []}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "cannot read"),
        ({"Parameter": {}}, "unknown section Parameter"),
        ([1], "not an object"),
        ({"Parameters": {"A": {"nested": 1}}}, "A is neither text nor a list"),
    ],
)
def test_refuses_another_form(tmp_path: Path, content: object, problem: str) -> None:
    path = write(tmp_path / "bad.json", content)
    with pytest.raises(UsageError, match=problem) as refused:
        read_configuration(path)
    assert refused.value.where == str(path)


def test_refuses_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_configuration(tmp_path / "absent.json")
