from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from deployment.difference import Difference
from deployment.difference_view import difference_view
from deployment.parameter_change import ParameterChange
from deployment.property_change import PropertyChange
from deployment.resource_change import ResourceChange
from deployment.template_changes import SectionChange, compare_sections


def detail(
    path: str = "Properties/Name",
    before: str | None = "a",
    after: str | None = "b",
    recreation: str = "Never",
    **others: Any,
) -> dict[str, Any]:
    target: dict[str, Any] = {
        "Attribute": path.split("/", maxsplit=1)[0],
        "Path": f"/{path}",
        "RequiresRecreation": recreation,
    }
    if before is not None:
        target["BeforeValue"] = before
    if after is not None:
        target["AfterValue"] = after
    return {"Target": target, "Evaluation": "Static", **others}


def change(*details: dict[str, Any], **others: Any) -> ResourceChange:
    return ResourceChange.from_change(
        {
            "Action": "Modify",
            "LogicalResourceId": "Thing",
            "ResourceType": "AWS::SNS::Topic",
            "PhysicalResourceId": "arn:thing",
            "Replacement": "False",
            "Details": list(details),
            **others,
        }
    )


def text_of(difference: Difference, *, colour: bool = False) -> str:
    console = Console(width=200, record=True, file=None, force_terminal=colour)
    with console.capture() as captured:
        console.print(difference_view(difference))
    return captured.get()


@pytest.mark.parametrize(
    ("before", "after", "real"),
    [
        ("a", "b", True),
        ("Gr??e", "Größe", False),
        ("Größe", "Gr????e", False),
        ("caf?", "café", False),
        ("ok?", "ok", True),
        ("caf?s", "café", True),
        ("日本", "??", False),
        ("****", "****", False),
        (None, "b", True),
        ("a", None, True),
    ],
)
def test_unprintable_and_secret_values_are_no_difference(
    before: str | None, after: str | None, real: bool
) -> None:
    assert change(detail(before=before, after=after)).is_real is real


def test_two_details_of_one_property_are_told_once_with_the_worse_effect() -> None:
    found = change(
        detail(before=None, after=None, recreation="Always", CausingEntity="ImageTag"),
        detail(before="a", after="b", recreation="Never"),
    )
    assert found.properties == (PropertyChange("Properties/Name", "a", "b", "Always", "ImageTag"),)


def test_a_detail_without_a_path_is_named_by_attribute_and_name() -> None:
    found = PropertyChange.from_detail({"Target": {"Attribute": "Properties", "Name": "Size"}})
    assert found.path == "Properties/Size"
    assert PropertyChange.from_detail({"Target": {"Attribute": "Tags"}}).path == "Tags"


@pytest.mark.parametrize(
    ("type_name", "permission"),
    [
        ("AWS::IAM::Role", True),
        ("AWS::S3::BucketPolicy", True),
        ("AWS::Lambda::Permission", True),
        ("AWS::EC2::SecurityGroup", True),
        ("AWS::EC2::SecurityGroupIngress", True),
        ("AWS::AutoScaling::ScalingPolicy", False),
        ("AWS::SNS::Topic", False),
    ],
)
def test_permissions_are_told_apart(type_name: str, permission: bool) -> None:
    assert ResourceChange("Add", "X", type_name).is_permission is permission


def test_a_secret_that_is_given_again_is_told_and_is_no_difference() -> None:
    difference = Difference(
        "demo",
        is_new=False,
        resources=(change(detail(before="****", after="****")),),
        parameters=(ParameterChange("Secret", "****", "****"),),
    )
    assert difference.is_empty
    assert difference.hidden == ("Secret", "Thing")
    text = text_of(difference)
    assert "Not comparable (NoEcho): Secret, Thing" in text
    assert "No differences." in text


@pytest.mark.parametrize(
    "difference",
    [
        Difference("demo", is_new=False, resources=(ResourceChange("Remove", "X", "T"),)),
        Difference("demo", is_new=False, sections=(SectionChange("Outputs", "X", None, "1"),)),
        Difference("demo", is_new=False, parameters=(ParameterChange("P", "a", "b"),)),
        Difference("demo", is_new=False, tags=(ParameterChange("team", None, "b"),)),
    ],
)
def test_anything_else_is_a_difference(difference: Difference) -> None:
    assert not difference.is_empty
    assert difference.to_dict()["different"] is True


def test_counts_replacements_apart() -> None:
    difference = Difference(
        "demo",
        is_new=False,
        resources=(
            ResourceChange("Add", "A", "T"),
            ResourceChange("Import", "B", "T"),
            ResourceChange("Modify", "C", "T"),
            ResourceChange("Modify", "D", "T", replacement="True"),
            ResourceChange("Modify", "E", "T", replacement="Conditional"),
            ResourceChange("Dynamic", "F", "T"),
            ResourceChange("Remove", "G", "T"),
        ),
    )
    assert difference.counts() == {"add": 2, "modify": 2, "replace": 2, "remove": 1}


def test_view_shows_paths_values_causes_and_replacement_in_red() -> None:
    replaced = change(
        detail("Properties/TopicName", "old", "new", "Always"),
        detail(
            "Properties/Tags/0/Value", "1", "{{changeSet:KNOWN_AFTER_APPLY}}", CausingEntity="Tag"
        ),
        Replacement="True",
        PolicyAction="ReplaceAndRetain",
    )
    role = ResourceChange("Add", "Role", "AWS::IAM::Role")
    text = text_of(Difference("demo", is_new=False, resources=(replaced, role)))
    lines = [line.strip() for line in text.splitlines()]
    assert (
        lines.index("Permissions")
        < lines.index("+ Role  AWS::IAM::Role")
        < lines.index("Resources")
    )
    assert "~ Thing  AWS::SNS::Topic  arn:thing  REPLACED  (the old one is kept)" in lines
    assert "Properties/TopicName: old -> new replaces the resource" in lines
    assert "Properties/Tags/0/Value: 1 -> (known after it is applied) (by Tag)" in lines
    assert "1 to add, 0 to change, 1 to replace, 0 to remove." in lines
    coloured = text_of(Difference("demo", is_new=False, resources=(replaced,)), colour=True)
    assert "\x1b[1;31m  REPLACED" in coloured


def test_view_shortens_long_values_and_keeps_them_on_one_line() -> None:
    text = text_of(
        Difference(
            "demo", is_new=False, resources=(change(detail(before="x" * 500, after="a\nb")),)
        )
    )
    assert "x" * 117 + "... -> a\\nb" in text
    assert "x" * 118 not in text


def test_sections_are_compared_by_content() -> None:
    before = {
        "Description": "old",
        "Parameters": {"Gone": {"Type": "String"}, "Same": {"Type": "String", "Default": "caf?"}},
        "Outputs": {"Changed": {"Value": 1, "Description": "x"}},
    }
    after = {
        "Description": "new",
        "Parameters": {"Same": {"Default": "café", "Type": "String"}, "New": {"Type": "Number"}},
        "Outputs": {"Changed": {"Description": "x", "Value": 2}},
    }
    found = {(item.section, item.key): item.action for item in compare_sections(before, after)}
    assert found == {
        ("Parameters", "Gone"): "Remove",
        ("Parameters", "New"): "Add",
        ("Outputs", "Changed"): "Modify",
    }
