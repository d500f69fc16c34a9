"""A difference as people read it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.text import Text

from deployment.difference import Difference
from deployment.parameter_change import ParameterChange
from deployment.property_change import UNKNOWN_UNTIL_APPLIED, PropertyChange
from deployment.resource_change import ResourceChange

LONGEST_VALUE = 120
_SIGNS = {"Add": ("+", "green"), "Import": ("+", "green"), "Remove": ("-", "red")}
_RECREATION = {
    "Always": (" replaces the resource", "bold red"),
    "Conditionally": (" may replace the resource", "red"),
}


def difference_view(difference: Difference) -> RenderableType:
    """Returns the difference as lines: permissions apart, replacement in red, counts at the end."""
    lines: list[Text] = [_title(difference)]
    resources = difference.real_resources
    permissions = [change for change in resources if change.is_permission]
    others = [change for change in resources if not change.is_permission]
    lines += _section("Permissions", (line for change in permissions for line in _resource(change)))
    lines += _section("Resources", (line for change in others for line in _resource(change)))
    visible = [change for change in difference.parameters if not change.is_hidden]
    lines += _section("Parameter values", map(_value_change, visible))
    lines += _section("Tags", map(_value_change, difference.tags))
    if not difference.is_new:
        lines += _section(
            "Template",
            (
                _signed(
                    change.action, f"{change.section}.{change.key}", change.before, change.after
                )
                for change in difference.sections
            ),
        )
    if difference.hidden:
        lines.append(Text(f"\nNot comparable (NoEcho): {', '.join(difference.hidden)}", "yellow"))
    lines.append(_totals(difference))
    return Group(*lines)


def _title(difference: Difference) -> Text:
    state = " (new stack)" if difference.is_new else ""
    return Text(f"{difference.stack_name}{state}", "bold")


def _section(title: str, content: Iterable[Text]) -> list[Text]:
    lines = list(content)
    return [Text(f"\n{title}", "bold underline"), *lines] if lines else []


def _resource(change: ResourceChange) -> list[Text]:
    sign, style = _SIGNS.get(change.action, ("~", "yellow"))
    line = Text.assemble((f"{sign} {change.logical_id}", style), f"  {change.type}")
    if change.physical_id:
        line.append(f"  {change.physical_id}", "dim")
    if change.replaces:
        words = "REPLACED" if change.replacement == "True" else "MAY BE REPLACED"
        line.append(f"  {words}", "bold red")
    if change.policy_action in {"Retain", "ReplaceAndRetain"}:
        line.append("  (the old one is kept)", "cyan")
    return [line, *(_property(item) for item in change.properties if item.is_real)]


def _property(change: PropertyChange) -> Text:
    line = Text(f"    {change.path}: ")
    line.append_text(_before_after(change.before, change.after))
    if change.cause:
        line.append(f" (by {change.cause})", "dim")
    words, style = _RECREATION.get(change.recreation, ("", ""))
    line.append(words, style)
    return line


def _value_change(change: ParameterChange) -> Text:
    action = "Add" if change.before is None else "Remove" if change.after is None else "Modify"
    return _signed(action, change.key, change.before, change.after)


def _signed(action: str, name: str, before: str | None, after: str | None) -> Text:
    sign, style = _SIGNS.get(action, ("~", "yellow"))
    return Text.assemble((f"{sign} {name}", style), ": ").append_text(_before_after(before, after))


def _before_after(before: str | None, after: str | None) -> Text:
    if before is None and after is None:
        return Text("changes", "dim")
    line = Text()
    if before is not None:
        line.append(_short(before), "red")
    if before is not None and after is not None:
        line.append(" -> ")
    if after is not None:
        line.append(_short(after), "green")
    return line


def _short(value: str) -> str:
    if value == UNKNOWN_UNTIL_APPLIED:
        return "(known after it is applied)"
    flat = value.replace("\n", "\\n")
    return flat if len(flat) <= LONGEST_VALUE else f"{flat[: LONGEST_VALUE - 3]}..."


def _totals(difference: Difference) -> Text:
    if difference.is_empty:
        return Text("\nNo differences.")
    counts = difference.counts()
    return Text(
        f"\n{counts['add']} to add, {counts['modify']} to change, {counts['replace']} to replace, "
        f"{counts['remove']} to remove.",
        "bold",
    )
