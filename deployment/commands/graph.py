from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deployment.commands.options import Output, Parameters, Stack
from deployment.output_format import OutputFormat

File = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="Where the picture goes; else dist/STACK.svg."),
]
Active = Annotated[
    bool,
    typer.Option("--active", help="Only what defaults and --parameter values would make."),
]


def graph(
    stack: Stack,
    *,
    file: File = None,
    active: Active = False,
    parameters: Parameters = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Draws a stack as SVG: resources by network and kind, and what needs what."""
    # Imported here, so that --help need not wait for the libraries.
    from deployment.graph.graph_svg import GraphSvg  # noqa: PLC0415
    from deployment.graph.template_graph import TemplateGraph  # noqa: PLC0415
    from deployment.key_values import parse_key_values  # noqa: PLC0415
    from deployment.output import Output as Words  # noqa: PLC0415
    from deployment.result_file import write_file  # noqa: PLC0415
    from deployment.template_evaluator import TemplateEvaluator  # noqa: PLC0415
    from deployment.template_target import find_template  # noqa: PLC0415

    name, template = find_template(stack)
    resources = template.data["Resources"]
    if active or parameters:
        values = parse_key_values(parameters or (), option="--parameter")
        resources = TemplateEvaluator(template.data, values).active_resources()
    drawing = TemplateGraph(resources)
    path = file or Path("dist") / f"{name}.svg"
    write_file(path, GraphSvg(name, drawing).to_svg())
    Words(as_json=output is OutputFormat.JSON).result(
        {
            "stack": name,
            "file": str(path),
            "resources": len(resources),
            "edges": len(drawing.edges),
        },
        str(path),
    )
