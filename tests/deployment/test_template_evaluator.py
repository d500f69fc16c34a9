from __future__ import annotations

from typing import Any

import pytest

from deployment.template_evaluator import UNKNOWN, TemplateEvaluator, dig

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Name": {"Type": "String", "Default": "x"},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Ami": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": "/path"},
        "Required": {"Type": "String"},
    },
    "Mappings": {"Sizes": {"small": {"Gib": 1}}},
    "Conditions": {
        "IsX": {"Fn::Equals": [{"Ref": "Name"}, "x"]},
        "IsNotX": {"Fn::Not": [{"Condition": "IsX"}]},
        "Unknown": {"Fn::Equals": [{"Ref": "Required"}, "x"]},
        "Both": {"Fn::And": [{"Condition": "IsX"}, {"Condition": "Unknown"}]},
        "Neither": {"Fn::And": [{"Condition": "IsNotX"}, {"Condition": "Unknown"}]},
        "Either": {"Fn::Or": [{"Condition": "IsX"}, {"Condition": "Unknown"}]},
        "Perhaps": {"Fn::Or": [{"Condition": "IsNotX"}, {"Condition": "Unknown"}]},
    },
    "Resources": {
        "Always": {"Type": "A"},
        "Never": {"Type": "A", "Condition": "IsNotX"},
        "Maybe": {"Type": "B", "Condition": "Unknown", "Properties": {"P": {"Ref": "Name"}}},
    },
}


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ("plain", "plain"),
        ({"Ref": "Name"}, "x"),
        ({"Ref": "Zones"}, ["a", "b"]),
        ({"Ref": "Ami"}, UNKNOWN),
        ({"Ref": "Required"}, UNKNOWN),
        ({"Ref": "Always"}, UNKNOWN),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Fn::GetAtt": ["Always", "Arn"]}, UNKNOWN),
        ({"Fn::Sub": "${Name}-${AWS::Region}"}, "x-eu-west-1"),
        ({"Fn::Sub": ["${Local}/${!Kept}", {"Local": {"Ref": "Name"}}]}, "x/${Kept}"),
        ({"Fn::Sub": "${Always}"}, UNKNOWN),
        ({"Fn::Join": ["-", ["a", {"Ref": "Name"}]]}, "a-x"),
        ({"Fn::Join": [",", {"Ref": "Zones"}]}, "a,b"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Always"}]]}, UNKNOWN),
        ({"Fn::Select": [1, {"Ref": "Zones"}]}, "b"),
        ({"Fn::Select": ["5", {"Ref": "Zones"}]}, UNKNOWN),
        ({"Fn::Split": ["/", "a/b"]}, ["a", "b"]),
        ({"Fn::FindInMap": ["Sizes", "small", "Gib"]}, 1),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Name"}, "Gib"]}, UNKNOWN),
        ({"Fn::If": ["IsX", 1, 2]}, 1),
        ({"Fn::If": ["IsNotX", 1, 2]}, 2),
        ({"Fn::If": ["Unknown", 1, 2]}, UNKNOWN),
        ({"Fn::GetAZs": ""}, ["z1", "z2"]),
        ({"Fn::Base64": {"Ref": "Name"}}, "x"),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [1, {"Ref": "AWS::NoValue"}]}, {"b": [1]}),
        ({"Condition": {"StringEquals": {"k": "v"}}}, {"Condition": {"StringEquals": {"k": "v"}}}),
    ],
)
def test_resolves_functions_as_far_as_that_needs_no_aws(value: Any, resolved: Any) -> None:
    evaluator = TemplateEvaluator(TEMPLATE, pseudo={"AWS::Region": "eu-west-1"}, zones=("z1", "z2"))
    assert evaluator.resolve(value) == resolved


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("IsX", True),
        ("IsNotX", False),
        ("Unknown", UNKNOWN),
        ("Both", UNKNOWN),
        ("Neither", False),
        ("Either", True),
        ("Perhaps", UNKNOWN),
        ("Absent", UNKNOWN),
    ],
)
def test_one_side_may_decide_a_condition(name: str, truth: object) -> None:
    assert TemplateEvaluator(TEMPLATE).condition(name) == truth


def test_active_resources_are_those_whose_condition_is_not_false() -> None:
    evaluator = TemplateEvaluator(TEMPLATE)
    assert list(evaluator.active_resources()) == ["Always", "Maybe"]
    assert list(evaluator.active_resources("B")) == ["Maybe"]
    assert evaluator.active_properties("B") == {"Maybe": {"P": "x"}}
    other = TemplateEvaluator(TEMPLATE, {"Name": "y", "Required": "z"})
    assert list(other.active_resources()) == ["Always", "Never"]


def test_a_placeholder_stands_for_what_is_unknown_inside_text() -> None:
    evaluator = TemplateEvaluator(TEMPLATE, placeholder="????")
    assert evaluator.resolve({"Fn::Sub": "a${Always.Arn}b${Name}"}) == "a????bx"
    assert evaluator.resolve({"Fn::Join": ["", ["a", {"Ref": "Always"}]]}) == "a????"


def test_dig_finds_nothing_where_a_level_is_missing_or_unknown() -> None:
    assert dig({"a": {"b": 1}}, "a", "b") == 1
    assert dig({"a": UNKNOWN}, "a", "b") is None
    assert dig({"a": UNKNOWN}, "a") is None
    assert dig(UNKNOWN, "a") is None
