"""A drift report as people read it."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from deployment.drift_report import DriftReport


def drift_view(report: DriftReport) -> RenderableType:
    """Returns a line a resource, with expected and actual values below it."""
    lines = []
    for resource in report.resources:
        lines.append(
            Text.assemble(
                (f"{resource.status:<8} {resource.logical_id}", "bold red"),
                f"  {resource.type}  {resource.physical_id}",
            )
        )
        for change in resource.properties:
            lines.append(
                Text.assemble(
                    f"    {change.path}: ",
                    (change.expected, "green"),
                    " in the template, ",
                    (change.actual, "red"),
                    " in AWS",
                )
            )
    if report.unchecked:
        lines.append(Text(f"Not compared: {', '.join(report.unchecked)}", "yellow"))
    lines.append(
        Text(
            f"{len(report.resources)} resources differ." if report.drifted else "No drift.", "bold"
        )
    )
    return Group(*lines)
