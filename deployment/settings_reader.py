from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deployment.deploy_settings import DeploySettings, read_configuration
from deployment.key_values import parse_key_values
from deployment.stack_tags import check_tags
from deployment.template_target import find_template


def read_settings(
    stack: str,
    *,
    stack_name: str | None = None,
    parameters: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    config: Path | None = None,
    checked: bool = True,
    **others: Any,
) -> DeploySettings:
    """Puts a command's arguments together; what stands on the command line wins over the file.

    Args:
        stack: Name of one of this repository's stacks, or the path of a template.
        stack_name: Name in AWS; None takes the template's own.
        parameters: KEY=VALUE arguments.
        tags: KEY=VALUE arguments.
        config: Template configuration file.
        checked: Whether tags are checked; preflight does it itself, as one of its lines.
        others: Further fields of DeploySettings.

    Raises:
        UsageError: An argument is wrong.
    """
    configuration = read_configuration(config) if config else {}
    name, template = find_template(stack, stack_name)
    given_tags = {
        **configuration.get("Tags", {}),
        **parse_key_values(tags or (), option="--tag"),
    }
    return DeploySettings(
        stack_name=name,
        template=template,
        parameters={
            **configuration.get("Parameters", {}),
            **parse_key_values(parameters or (), option="--parameter"),
        },
        tags=(check_tags(given_tags) if checked else given_tags) or None,
        stack_policy=configuration.get("StackPolicy"),
        **others,
    )
