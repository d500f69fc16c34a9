from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from troposphere import Template

from templates.json_text import compact_json
from templates.parameter import Parameter

# The order in which people read a template. troposphere sorts the sections by name, which puts
# Conditions and Outputs before the Parameters that they speak of.
SECTION_ORDER = (
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Resources",
    "Outputs",
)


class Stack:
    """A CloudFormation stack as a template: pure, with no clock, network or environment inside.

    A subclass names itself and adds its parts in `build`. The emitted JSON depends on nothing but
    the source, so that a review of the golden copies shows every change.

    Attributes:
        name: Name under which the stack is deployed.
        description: What the console shows; ASCII, because CloudFormation returns anything else
            as question marks.
        template: The template under construction.
    """

    name: ClassVar[str]
    description: ClassVar[str]

    def __init__(self) -> None:
        self.template = Template(Description=self.description)
        self.template.set_version("2010-09-09")
        self._parameters: list[Parameter] = []
        self.build()
        self._add_console_interface()

    def build(self) -> None:
        """Adds the stack's parameters, rules, conditions, resources and outputs."""
        raise NotImplementedError

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in the order in which they were added."""
        return tuple(self._parameters)

    @property
    def file_name(self) -> str:
        """Name of the file that holds the emitted template."""
        return f"{self.name}.template.json"

    def add_parameters(self, parameters: Iterable[Parameter]) -> None:
        """Adds parameters; the order within a group is the order in the console."""
        for parameter in parameters:
            self._parameters.append(parameter)
            self.template.add_parameter(parameter.to_troposphere())

    def to_dict(self) -> dict[str, Any]:
        """Returns the template as plain data, sections in reading order."""
        emitted = self.template.to_dict()
        unknown = set(emitted) - set(SECTION_ORDER)
        if unknown:
            raise ValueError(
                f"{self.name}: no place in SECTION_ORDER for {sorted(unknown)}; add it"
            )
        return {section: emitted[section] for section in SECTION_ORDER if section in emitted}

    def to_json(self) -> str:
        """Returns the template as ASCII JSON, short enough for a request to CloudFormation."""
        return compact_json(self.to_dict())

    def _add_console_interface(self) -> None:
        groups: dict[str, list[str]] = {}
        for parameter in self._parameters:
            groups.setdefault(parameter.group, []).append(parameter.name)
        self.template.set_metadata(
            {
                "AWS::CloudFormation::Interface": {
                    "ParameterGroups": [
                        {"Label": {"default": label}, "Parameters": names}
                        for label, names in groups.items()
                    ],
                    "ParameterLabels": {
                        parameter.name: {"default": parameter.label}
                        for parameter in self._parameters
                    },
                }
            }
        )
