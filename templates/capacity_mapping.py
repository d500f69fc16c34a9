from __future__ import annotations

from troposphere import FindInMap, Template

from templates.capacity_parameters import CapacityParameters

_MAPPING = "StartupSeconds"


def add_startup_seconds(template: Template) -> None:
    """Adds the mapping that `startup_seconds` reads."""
    minutes = CapacityParameters.startup_minutes.allowed_values
    template.add_mapping(_MAPPING, {value: {"Seconds": int(value) * 60} for value in minutes})


def startup_seconds() -> FindInMap:
    """Returns StartupMinutes in seconds; CloudFormation does not multiply."""
    return FindInMap(_MAPPING, CapacityParameters.startup_minutes.ref(), "Seconds")
