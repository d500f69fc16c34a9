"""The base classes: parameters, their groups, stacks, and their text."""

from __future__ import annotations

import json

import pytest
from troposphere import Output, sns

from templates.json_text import compact_json
from templates.parameter import Parameter
from templates.parameter_group import ParameterGroup
from templates.stack import Stack

NAME = Parameter(name="Name", group="First", label="Name", default="")
SIZE = Parameter(name="Size", group="Second", label="Size", type="Number", default=1)
OTHER = Parameter(name="Other", group="First", label="Other", default="", no_echo=True)


class Example(Stack):
    name = "Example"
    description = "An example."

    def build(self) -> None:
        self.add_parameters([SIZE, NAME, OTHER])
        self.template.add_resource(sns.Topic("Topic", DisplayName=NAME.ref()))
        self.template.add_output(Output("Topic", Value="x"))


def test_the_console_shows_groups_and_labels_in_the_order_of_the_source() -> None:
    interface = Example().to_dict()["Metadata"]["AWS::CloudFormation::Interface"]
    assert interface["ParameterGroups"] == [
        {"Label": {"default": "Second"}, "Parameters": ["Size"]},
        {"Label": {"default": "First"}, "Parameters": ["Name", "Other"]},
    ]
    assert interface["ParameterLabels"]["Name"] == {"default": "Name"}


def test_parameters_say_what_they_have_and_no_more() -> None:
    emitted = Example().to_dict()["Parameters"]
    assert emitted["Size"] == {"Type": "Number", "Default": 1}
    assert emitted["Other"] == {"Type": "String", "Default": "", "NoEcho": True}


def test_text_and_data_are_the_same() -> None:
    assert json.loads(Example().to_json()) == Example().to_dict()
    assert Example().to_json().endswith("}\n")


def test_a_section_without_a_place_is_an_error() -> None:
    stack = Example()
    stack.template.set_transform("AWS::LanguageExtensions")
    with pytest.raises(ValueError, match="SECTION_ORDER"):
        stack.to_dict()


def test_one_line_for_each_entry() -> None:
    text = compact_json({"Description": "x", "Resources": {"A": {"b": [1]}, "C": {}}})
    assert text == '{\n"Description":"x",\n"Resources":{\n"A":{"b":[1]},\n"C":{}\n}\n}\n'


def test_characters_beyond_ascii_are_escaped() -> None:
    assert compact_json({"Description": "\u00e9"}).isascii()


def test_a_group_keeps_its_order_and_its_heading() -> None:
    class Group(ParameterGroup):
        heading = "First"
        other = OTHER
        name = NAME

    assert Group.all() == (OTHER, NAME)

    class Wrong(ParameterGroup):
        heading = "First"
        size = SIZE

    with pytest.raises(ValueError, match=r"\['Size'\] carry another heading"):
        Wrong.all()
