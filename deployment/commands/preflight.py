from __future__ import annotations

from typing import Annotated

import typer

from deployment.commands.options import (
    Configuration,
    Output,
    Parameters,
    Profile,
    Region,
    Stack,
    StackName,
    Tags,
)
from deployment.exit_code import ExitCode
from deployment.output_format import OutputFormat

Fix = Annotated[
    bool,
    typer.Option("--fix", help="Make what is missing and free: the spot role, the ECR repository."),
]


def preflight(
    stack: Stack,
    *,
    stack_name: StackName = None,
    parameters: Parameters = None,
    config: Configuration = None,
    tags: Tags = None,
    fix: Fix = False,
    region: Region = None,
    profile: Profile = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Checks account, region and template before the first resource is made."""
    # Imported here, so that --help need not wait for AWS's and the terminal's libraries.
    from deployment.aws import Aws  # noqa: PLC0415
    from deployment.output import Output as Words  # noqa: PLC0415
    from deployment.preflight.preflight import Preflight  # noqa: PLC0415
    from deployment.preflight.preflight_view import preflight_view  # noqa: PLC0415
    from deployment.settings_reader import read_settings  # noqa: PLC0415

    settings = read_settings(
        stack,
        stack_name=stack_name,
        parameters=parameters,
        tags=tags,
        config=config,
        checked=False,
    )
    words = Words(as_json=output is OutputFormat.JSON)
    with words.working("Checking the account"):
        results = Preflight(Aws(region=region, profile=profile)).run(settings, fix=fix)
    failed = [result for result in results if result.blocks]
    words.result(
        {"passed": not failed, "checks": [result.to_dict() for result in results]},
        preflight_view(results),
    )
    if failed:
        raise typer.Exit(ExitCode.DIFFERENCES)
