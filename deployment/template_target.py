from __future__ import annotations

from pathlib import Path

from deployment.errors import UsageError
from deployment.template_source import TemplateSource


def find_template(target: str, stack_name: str | None = None) -> tuple[str, TemplateSource]:
    """Returns the stack name and template that a command's argument means.

    Args:
        target: Name of one of this repository's stacks, or the path of a template.
        stack_name: Name in AWS; None takes the template's own.

    Raises:
        UsageError: It is neither.
    """
    from templates.stacks import ALL_STACKS  # noqa: PLC0415  # troposphere takes 70 ms to load

    stacks = {stack.name: stack for stack in ALL_STACKS}
    if target in stacks:
        return stack_name or target, TemplateSource(target, stacks[target]().to_json())
    path = Path(target)
    if not path.is_file():
        raise UsageError(
            f"{target!r} is neither a stack of this repository nor a file",
            where="STACK",
            remedy=f"give one of {', '.join(stacks)}, or the path of a template",
        )
    return stack_name or path.name.split(".")[0], TemplateSource.from_file(path)
