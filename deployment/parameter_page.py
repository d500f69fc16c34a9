"""The parameters and outputs of all stacks as one Markdown page."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from templates.parameter import Parameter
from templates.stack import Stack


def parameter_page(stacks: Sequence[Stack]) -> str:
    """Returns the page: for each stack its parameters by group, then its outputs."""
    parts = ["# Parameters and outputs\n\nWritten by `generate.py`; do not edit.\n"]
    for stack in stacks:
        parts.append(f"## {stack.name}\n\n{stack.description}\n")
        # The console sorts by group too, so a group that comes again is still one group.
        ordered = sorted(stack.parameters, key=lambda item: _group_order(stack)[item.group])
        for group, members in groupby(ordered, key=lambda item: item.group):
            rows = [_row(parameter) for parameter in members]
            parts.append(f"### {group}\n\n{_table(('parameter', 'default', 'what it does'), rows)}")
        outputs = stack.template.outputs
        if outputs:
            rows = [
                [f"`{name}`", output.to_dict().get("Description", "")]
                for name, output in outputs.items()
            ]
            parts.append(f"### Outputs\n\n{_table(('output', 'what it is'), rows)}")
    return "\n".join(parts)


def _group_order(stack: Stack) -> dict[str, int]:
    groups = dict.fromkeys(parameter.group for parameter in stack.parameters)
    return {group: index for index, group in enumerate(groups)}


def _row(parameter: Parameter) -> list[str]:
    if parameter.default is None:
        default = "required"
    else:
        default = f"`{parameter.default}`" if str(parameter.default) else "empty"
    label = parameter.label if parameter.label.endswith(("?", ".")) else f"{parameter.label}."
    sentences = [label, parameter.description, *_limits(parameter)]
    return [f"`{parameter.name}`", default, " ".join(filter(None, sentences))]


def _limits(parameter: Parameter) -> list[str]:
    limits = []
    if parameter.allowed_values:
        values = ", ".join(f"`{value}`" if value else "empty" for value in parameter.allowed_values)
        limits.append(f"One of {values}.")
    elif parameter.constraint:
        limits.append(parameter.constraint)
    if parameter.min_value is not None or parameter.max_value is not None:
        least, most = parameter.min_value, parameter.max_value
        limits.append(
            f"From {'any' if least is None else least} to {'any' if most is None else most}."
        )
    if parameter.no_echo:
        limits.append("Hidden.")
    return limits


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    # A pipe ends a cell, inside code too.
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
    )
