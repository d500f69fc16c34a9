from __future__ import annotations

import functools
import itertools
import json
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import typer

from deployment.commands.ask import ask
from deployment.commands.deploy import deploy
from deployment.commands.destroy import destroy
from deployment.commands.diff import diff
from deployment.commands.drift import drift
from deployment.commands.generate import DEFAULT_FOLDER, Output, OutputDir, generate
from deployment.commands.graph import graph
from deployment.commands.lint import lint
from deployment.commands.logs import logs
from deployment.commands.preflight import preflight
from deployment.commands.status import status
from deployment.commands.upload import upload
from deployment.commands.watch import watch
from deployment.errors import CommandError, WatchInterruptedError
from deployment.exit_code import ExitCode
from deployment.output_format import OutputFormat

COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    "Templates": (generate, lint, graph),
    "Deploying": (preflight, upload, diff, deploy, destroy),
    "Running": (status, watch, logs, drift, ask),
}

app = typer.Typer(
    name="generate.py",
    help="Writes, checks and deploys this project's CloudFormation templates.",
    epilog="Exit status: 0 done or nothing to do, 1 findings or differences, 2 wrong usage, "
    "3 AWS refused, 4 deployment failed.",
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
    debug: Debug = False,  # noqa: ARG001 - main takes it out, so that it may stand anywhere
) -> None:
    """Writes every stack's template when no command is named."""
    if context.invoked_subcommand is None:
        _guarded(generate)(output_dir, output)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command and returns its exit status; errors say what, where and what to do next.

    Args:
        arguments: What follows the program's name; None takes the process's own.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = given[: given.index("--")] if "--" in given else given
    try:
        app([argument for argument in given if argument != "--debug" or argument not in options])
    except CommandError as error:
        if "--debug" in options:
            traceback.print_exc()
        _show(error, as_json=_asks_for_json(options))
        return error.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    return ExitCode.DONE


def _asks_for_json(options: list[str]) -> bool:
    pairs = itertools.pairwise(options)
    return "--output=json" in options or ("--output", "json") in pairs


def _guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Turns what AWS's library and Ctrl-C raise into errors that say what to do next."""

    @functools.wraps(command)
    def run(*positional: Any, **named: Any) -> None:
        try:
            command(*positional, **named)
        except KeyboardInterrupt as interrupt:
            raise WatchInterruptedError(
                "interrupted; nothing was left running in AWS", remedy="run the command again"
            ) from interrupt
        except Exception as error:
            if not type(error).__module__.startswith("botocore"):
                raise
            from deployment.aws_advice import advise  # noqa: PLC0415 - only AWS commands need it

            raise advise(error) from error

    return run


def _show(error: CommandError, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(error.to_dict(), indent=2, ensure_ascii=False), err=True)
        return
    typer.secho("Error: ", err=True, nl=False, fg="red", bold=True)
    typer.echo(error.what, err=True)
    if error.where:
        typer.echo(f"Where: {error.where}", err=True)
    for line in error.detail:
        typer.echo(f"  {line}", err=True)
    typer.echo(f"Next:  {error.remedy}", err=True)


for panel, commands in COMMANDS.items():
    for function in commands:
        app.command(rich_help_panel=panel)(_guarded(function))
