from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from deployment.output_format import OutputFormat

DEFAULT_FOLDER = Path("dist")

OutputDir = Annotated[
    Path, typer.Option("--output-dir", metavar="FOLDER", help="Folder to write the templates to.")
]
Output = Annotated[OutputFormat, typer.Option("--output", help="Form of the result.")]


def generate(output_dir: OutputDir = DEFAULT_FOLDER, output: Output = OutputFormat.TEXT) -> None:
    """Writes templates, template configurations and a page of parameters (the default command)."""
    # Imported here, so that --help need not wait for the template library.
    from deployment.configuration_writer import ConfigurationWriter  # noqa: PLC0415
    from deployment.parameter_page import parameter_page  # noqa: PLC0415
    from deployment.template_writer import TemplateWriter  # noqa: PLC0415
    from templates.stacks import ALL_STACKS  # noqa: PLC0415

    writer = TemplateWriter(output_dir)
    stacks = [stack() for stack in ALL_STACKS]
    templates = [writer.write(stack) for stack in stacks]
    configurations = [
        writer.write_text(name, text) for name, text in ConfigurationWriter(stacks).texts()
    ]
    page = writer.write_text("parameters.md", parameter_page(stacks))
    if output is OutputFormat.JSON:
        files = {
            "templates": [_file(path) for path in templates],
            "configurations": [_file(path) for path in configurations],
            "page": _file(page),
        }
        typer.echo(json.dumps(files))
    else:
        for path in (*templates, *configurations, page):
            typer.echo(f"{path}  {path.stat().st_size:,} bytes")


def _file(path: Path) -> dict[str, object]:
    return {"file": str(path), "bytes": path.stat().st_size}
