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
    """Writes every stack's template (the default command)."""
    # Imported here, so that --help need not wait for the template library.
    from deployment.template_writer import TemplateWriter  # noqa: PLC0415
    from templates.stacks import ALL_STACKS  # noqa: PLC0415

    writer = TemplateWriter(output_dir)
    paths = [writer.write(stack()) for stack in ALL_STACKS]
    if output is OutputFormat.JSON:
        files = [{"file": str(path), "bytes": path.stat().st_size} for path in paths]
        typer.echo(json.dumps({"templates": files}))
    else:
        for path in paths:
            typer.echo(f"{path}  {path.stat().st_size:,} bytes")
