from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deployment.deploy_settings import read_configuration
from deployment.errors import UsageError
from deployment.stack_tags import check_tags
from templates.parameter import Parameter
from templates.stack import Stack

# Beside the templates' sources: <environment>.<stack>.json
SOURCE = Path(__file__).parents[1] / "config"


class ConfigurationWriter:
    """Writes each environment's template configuration files, checked against the stacks.

    A value that a stack would refuse is found here, and not after a push by the pipeline.

    Args:
        stacks: The stacks that may be configured.
        source: Folder of the sources.
    """

    def __init__(self, stacks: Sequence[Stack], source: Path = SOURCE) -> None:
        self._stacks = {stack.name: stack for stack in stacks}
        self._source = source

    def texts(self) -> Iterator[tuple[str, str]]:
        """Gives the name and text of each file, by name.

        Raises:
            UsageError: A file names no stack, or a value that its stack would refuse.
        """
        for path in sorted(self._source.glob("*.json")):
            environment, _, name = path.stem.partition(".")
            if name not in self._stacks:
                raise UsageError(
                    f"{path.name} names no stack",
                    where=str(path),
                    remedy=f"call it {environment}.STACK.json, with one of "
                    + ", ".join(self._stacks),
                )
            content = read_configuration(path)
            self._check(path, self._stacks[name], content)
            yield f"{name}.{environment}.configuration.json", json.dumps(content, indent=2) + "\n"

    def _check(self, path: Path, stack: Stack, content: dict[str, Any]) -> None:
        parameters = {parameter.name: parameter for parameter in stack.parameters}
        for key, value in content["Parameters"].items():
            if key not in parameters:
                raise UsageError(
                    f"{stack.name} has no parameter {key!r}",
                    where=str(path),
                    remedy=f"known: {', '.join(parameters)}",
                )
            problem = _problem(parameters[key], value)
            if problem:
                raise UsageError(
                    f"{key} cannot be {value!r}",
                    where=str(path),
                    remedy=parameters[key].constraint or problem,
                )
        check_tags(content.get("Tags", {}), where=str(path))


def _problem(parameter: Parameter, value: str) -> str:
    """What CloudFormation would say against a value; empty when it takes it."""
    if parameter.allowed_values and value not in parameter.allowed_values:
        return f"use one of {', '.join(parameter.allowed_values)}"
    if parameter.allowed_pattern and not re.fullmatch(parameter.allowed_pattern, value):
        return f"it must match {parameter.allowed_pattern}"
    if parameter.max_length is not None and len(value) > parameter.max_length:
        return f"use at most {parameter.max_length} characters"
    return _number_problem(parameter, value) if parameter.type == "Number" else ""


def _number_problem(parameter: Parameter, value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return "use a number"
    if parameter.min_value is not None and number < parameter.min_value:
        return f"use at least {parameter.min_value}"
    if parameter.max_value is not None and number > parameter.max_value:
        return f"use at most {parameter.max_value}"
    return ""
