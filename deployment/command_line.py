from __future__ import annotations

import json
import sys
import traceback
from typing import Annotated

import typer

from deployment.commands.generate import DEFAULT_FOLDER, Output, OutputDir, generate
from deployment.commands.lint import lint
from deployment.errors import CommandError
from deployment.exit_code import ExitCode
from deployment.output_format import OutputFormat

app = typer.Typer(
    name="generate.py",
    help="Writes, checks and deploys this project's CloudFormation templates.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Debug = Annotated[bool, typer.Option("--debug", help="Show a traceback with an error.")]


@app.callback(invoke_without_command=True)
def default(
    context: typer.Context,
    output_dir: OutputDir = DEFAULT_FOLDER,
    output: Output = OutputFormat.TEXT,
    debug: Debug = False,  # noqa: ARG001 - main looks for it, as errors end there
) -> None:
    """Writes every stack's template when no command is named."""
    if context.invoked_subcommand is None:
        generate(output_dir, output)


app.command()(generate)
app.command()(lint)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns its exit status; errors say what, where and what to do next.

    Args:
        arguments: What follows the program's name; None takes the process's own.
    """
    given = sys.argv[1:] if arguments is None else arguments
    try:
        app(given)
    except CommandError as error:
        _show(error, as_json="json" in given)
        if "--debug" in given:
            traceback.print_exc()
        return error.exit_code
    except SystemExit as end:
        # How typer ends: 0, 2 after a usage error that it has explained, or a command's own status.
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    return ExitCode.DONE


def _show(error: CommandError, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(error.to_dict()))
        return
    where = f"{error.where}: " if error.where else ""
    typer.echo(f"error: {where}{error.what}", err=True)
    for line in error.detail:
        typer.echo(f"  {line}", err=True)
    typer.echo(f"{error.remedy}", err=True)
