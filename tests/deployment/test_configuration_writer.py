from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployment.configuration_writer import ConfigurationWriter
from deployment.errors import UsageError
from templates.parameter import Parameter
from templates.stack import Stack


class Small(Stack):
    name = "Small"
    description = "A stack for the test."

    def build(self) -> None:
        self.add_parameters(
            [
                Parameter(
                    name="Mode",
                    group="G",
                    label="Mode?",
                    description="Mode.",
                    allowed_values=("a", "b"),
                ),
                Parameter(
                    name="Size",
                    group="G",
                    label="Size?",
                    description="Size.",
                    type="Number",
                    default=1,
                    min_value=1,
                    max_value=9,
                ),
                Parameter(
                    name="Name",
                    group="G",
                    label="Name?",
                    description="Name.",
                    default="x",
                    allowed_pattern="[a-z]*",
                    max_length=3,
                    constraint="Lower case, for example abc.",
                ),
            ]
        )


def write(folder: Path, name: str, content: object) -> None:
    (folder / name).write_text(json.dumps(content))


def test_gives_each_environments_file_with_text_values(tmp_path: Path) -> None:
    write(tmp_path, "prod.Small.json", {"Parameters": {"Mode": "b", "Size": 9}, "Tags": {"a": "b"}})
    write(tmp_path, "dev.Small.json", {"Parameters": {"Name": "abc"}})
    texts = dict(ConfigurationWriter([Small()], tmp_path).texts())
    assert list(texts) == ["Small.dev.configuration.json", "Small.prod.configuration.json"]
    assert json.loads(texts["Small.prod.configuration.json"]) == {
        "Parameters": {"Mode": "b", "Size": "9"},
        "Tags": {"a": "b"},
    }


@pytest.mark.parametrize(
    ("name", "content", "problem", "remedy"),
    [
        ("dev.Other.json", {}, "names no stack", "dev.STACK.json"),
        ("dev.json", {}, "names no stack", "dev.STACK.json"),
        ("dev.Small.json", {"Parameters": {"Nope": "x"}}, "no parameter 'Nope'", "known: Mode"),
        ("dev.Small.json", {"Parameters": {"Mode": "c"}}, "Mode cannot be 'c'", "one of a, b"),
        ("dev.Small.json", {"Parameters": {"Size": 10}}, "Size cannot be '10'", "at most 9"),
        ("dev.Small.json", {"Parameters": {"Size": 0}}, "Size cannot be '0'", "at least 1"),
        ("dev.Small.json", {"Parameters": {"Size": "many"}}, "Size cannot be", "use a number"),
        ("dev.Small.json", {"Parameters": {"Name": "A"}}, "Name cannot be 'A'", "Lower case"),
        ("dev.Small.json", {"Parameters": {"Name": "abcd"}}, "Name cannot be", "Lower case"),
        ("dev.Small.json", {"Tags": {"aws:x": "y"}}, "belong to AWS", "letters"),
        ("dev.Small.json", {"Parameterz": {}}, "unknown section", "Parameters"),
    ],
)
def test_refuses_what_the_stack_would_refuse_and_names_the_file(
    tmp_path: Path, name: str, content: object, problem: str, remedy: str
) -> None:
    write(tmp_path, name, content)
    with pytest.raises(UsageError, match=problem) as refused:
        list(ConfigurationWriter([Small()], tmp_path).texts())
    assert refused.value.where == str(tmp_path / name)
    assert remedy in refused.value.remedy


def test_no_folder_is_no_configuration(tmp_path: Path) -> None:
    assert list(ConfigurationWriter([Small()], tmp_path / "absent").texts()) == []
