from __future__ import annotations

from typing import Annotated

import typer

from deployment.commands.options import (
    Bucket,
    Configuration,
    CreateBucket,
    Output,
    Parameters,
    Profile,
    Region,
    RoleArn,
    Stack,
    StackName,
    Tags,
)
from deployment.exit_code import ExitCode
from deployment.output_format import OutputFormat

Fail = Annotated[bool, typer.Option("--fail", help="Exit with 1 when there are differences.")]


def diff(
    stack: Stack,
    *,
    stack_name: StackName = None,
    parameters: Parameters = None,
    config: Configuration = None,
    tags: Tags = None,
    role_arn: RoleArn = None,
    bucket: Bucket = None,
    create_bucket: CreateBucket = False,
    fail: Fail = False,
    region: Region = None,
    profile: Profile = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Shows what deploying would change, and leaves nothing behind."""
    # Imported here, so that --help need not wait for AWS's and the terminal's libraries.
    from deployment.aws import Aws  # noqa: PLC0415
    from deployment.differ import Differ  # noqa: PLC0415
    from deployment.output import Output as Words  # noqa: PLC0415
    from deployment.settings_reader import read_settings  # noqa: PLC0415

    settings = read_settings(
        stack,
        stack_name=stack_name,
        parameters=parameters,
        tags=tags,
        config=config,
        role_arn=role_arn,
        bucket=bucket,
        create_bucket=create_bucket,
    )
    words = Words(as_json=output is OutputFormat.JSON)
    difference = Differ(Aws(region=region, profile=profile), words).show(settings)
    if fail and not difference.is_empty:
        raise typer.Exit(ExitCode.DIFFERENCES)
