from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployment.errors import UsageError
from deployment.template_source import TemplateSource

_SECTIONS = {"Parameters", "Tags", "StackPolicy"}


@dataclass(frozen=True, kw_only=True)
class DeploySettings:
    """What a person asks of a deployment.

    Attributes:
        stack_name: Stack to create or update.
        template: Template text; None takes the deployed template again.
        parameters: Parameter values by name.
        tags: All tags of the stack; None leaves those that it has.
        stack_policy: Stack policy as JSON data; None leaves the one that it has.
        role_arn: Role that CloudFormation acts with.
        on_failure: ROLLBACK, DO_NOTHING or DELETE when a creation fails.
        bucket: Bucket for a template too large to send inline; None takes the default one.
        create_bucket: Whether that bucket is made when it is absent.
    """

    stack_name: str
    template: TemplateSource | None
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: dict[str, str] | None = None
    stack_policy: Mapping[str, Any] | None = None
    role_arn: str | None = None
    on_failure: str = "ROLLBACK"
    bucket: str | None = None
    create_bucket: bool = False


def read_configuration(path: Path) -> dict[str, Any]:
    """Reads a template configuration file, in the form that CodePipeline takes too.

    Returns:
        Parameters, Tags and StackPolicy, as far as the file has them. Every parameter is text:
        a number or a list becomes what CloudFormation reads as one.

    Raises:
        UsageError: The file cannot be read or has another form.
    """
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"cannot read the configuration: {error}",
            where=str(path),
            remedy='write {"Parameters": {...}, "Tags": {...}}; generate.py writes one into dist/',
        ) from error
    unknown = set(data) - _SECTIONS if isinstance(data, dict) else {"(not an object)"}
    if unknown:
        raise UsageError(
            f"unknown section {', '.join(sorted(unknown))}",
            where=str(path),
            remedy=f"a template configuration has {', '.join(sorted(_SECTIONS))}",
        )
    data["Parameters"] = {
        key: _text(value, key, path) for key, value in data.get("Parameters", {}).items()
    }
    return data


def _text(value: Any, key: str, path: Path) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ",".join(map(str, value))
    raise UsageError(
        f"{key} is neither text nor a list of texts: {value!r}",
        where=str(path),
        remedy="write the value in quotes",
    )
