from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import troposphere


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One stack parameter, with what the CloudFormation console shows of it.

    Everything about a parameter stands here once: the template's Parameters section, the console's
    groups and labels (AWS::CloudFormation::Interface) and the Markdown page all read it.

    Attributes:
        name: Logical name in the template, PascalCase.
        group: Heading under which the console shows it.
        label: Question or noun that the console shows instead of the name.
        description: What the label leaves open, such as what an empty value means; may be empty,
            as a template has 51,200 bytes.
        type: CloudFormation parameter type.
        default: Value when none is given; None makes the parameter required.
        allowed_values: The only values that are accepted.
        allowed_pattern: Regular expression that a whole value must match.
        constraint: Sentence shown when a value is refused: what is allowed, with an example.
        min_value: Smallest number accepted.
        max_value: Largest number accepted.
        max_length: Longest string accepted, in characters.
        no_echo: Whether the value is hidden from the console and the API.
    """

    name: str
    group: str
    label: str
    description: str = ""
    type: str = "String"
    default: str | int | None = None
    allowed_values: tuple[str, ...] = ()
    allowed_pattern: str | None = None
    constraint: str | None = None
    min_value: int | None = None
    max_value: int | None = None
    max_length: int | None = None
    no_echo: bool = False

    def ref(self) -> troposphere.Ref:
        """Returns the intrinsic that resolves to this parameter's value."""
        return troposphere.Ref(self.name)

    def is_empty(self) -> troposphere.Equals:
        """Returns a condition that holds when no value was given."""
        return troposphere.Equals(self.ref(), "")

    def to_troposphere(self) -> troposphere.Parameter:
        """Returns the entry of the template's Parameters section."""
        properties: dict[str, Any] = {
            "Type": self.type,
            "Description": self.description or None,
            "Default": self.default,
            "AllowedValues": list(self.allowed_values) or None,
            "AllowedPattern": self.allowed_pattern,
            "ConstraintDescription": self.constraint,
            "MinValue": self.min_value,
            "MaxValue": self.max_value,
            "MaxLength": self.max_length,
            "NoEcho": self.no_echo or None,
        }
        given = {key: value for key, value in properties.items() if value is not None}
        return troposphere.Parameter(self.name, **given)
