from __future__ import annotations

from typing import ClassVar

from templates.parameter import Parameter


class ParameterGroup:
    """Parameters that the console shows under one heading, as attributes in their order there.

    A subclass lists its parameters as class attributes, so that a stack's part writes
    `ServiceParameters.image_tag.ref()` and a misspelt name is an error at import.

    Attributes:
        heading: Heading in the console; every parameter of the group carries it.
    """

    heading: ClassVar[str]

    @classmethod
    def all(cls) -> tuple[Parameter, ...]:
        """Returns the group's parameters in the order in which they are written."""
        found = tuple(value for value in vars(cls).values() if isinstance(value, Parameter))
        strays = [parameter.name for parameter in found if parameter.group != cls.heading]
        if strays:
            raise ValueError(f"{cls.__name__}: {strays} carry another heading than {cls.heading!r}")
        return found
