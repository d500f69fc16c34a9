from __future__ import annotations

from enum import Enum
from pathlib import Path
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
    StackName,
    Tags,
    TimelineFile,
    Yes,
)
from deployment.errors import UsageError
from deployment.output_format import OutputFormat


class OnFailure(str, Enum):
    """What becomes of a new stack whose creation fails."""

    ROLLBACK = "rollback"
    KEEP = "keep"
    DELETE = "delete"


_ON_FAILURE = {"rollback": "ROLLBACK", "keep": "DO_NOTHING", "delete": "DELETE"}

OptionalStack = Annotated[
    str | None,
    typer.Argument(
        metavar="STACK",
        help="One of this repository's stacks, or the path of a template (JSON or YAML). With "
        "--rollback-to it may be left out.",
    ),
]
FailureOption = Annotated[
    OnFailure, typer.Option("--on-failure", help="What becomes of a stack that cannot be created.")
]
NoExecute = Annotated[
    bool, typer.Option("--no-execute", help="Make the change set, show it and leave it waiting.")
]
Recreate = Annotated[
    bool, typer.Option("--recreate", help="Delete what a failed creation left, then create.")
]
RollbackTo = Annotated[
    str | None,
    typer.Option(
        "--rollback-to",
        metavar="TAG",
        help="Deploy an earlier image: the deployed template with ImageTag=TAG.",
    ),
]
OutputsFile = Annotated[
    Path | None,
    typer.Option("--outputs-file", metavar="FILE", help="Write the stack's outputs as JSON."),
]
SkipPreflight = Annotated[
    bool, typer.Option("--skip-preflight", help="Do not check the account first.")
]
Protect = Annotated[
    bool, typer.Option("--protect", help="Switch termination protection on afterwards.")
]


def deploy(
    stack: OptionalStack = None,
    *,
    stack_name: StackName = None,
    parameters: Parameters = None,
    config: Configuration = None,
    tags: Tags = None,
    role_arn: RoleArn = None,
    on_failure: FailureOption = OnFailure.ROLLBACK,
    yes: Yes = False,
    no_execute: NoExecute = False,
    recreate: Recreate = False,
    rollback_to: RollbackTo = None,
    outputs_file: OutputsFile = None,
    timeline: TimelineFile = None,
    skip_preflight: SkipPreflight = False,
    protect: Protect = False,
    bucket: Bucket = None,
    create_bucket: CreateBucket = False,
    region: Region = None,
    profile: Profile = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Creates or updates a stack: shows the change set, asks, and follows it to its end.

    LlmServiceInfraStack belongs to the pipeline; by hand it needs MANUAL_DEPLOY=true.
    """
    # Imported here, so that --help need not wait for AWS's and the terminal's libraries.
    from deployment.aws import Aws  # noqa: PLC0415
    from deployment.deploy_choices import DeployChoices  # noqa: PLC0415
    from deployment.deployer import Deployer  # noqa: PLC0415
    from deployment.output import Output as Words  # noqa: PLC0415
    from deployment.settings_reader import read_settings  # noqa: PLC0415

    settings = read_settings(
        _stack(stack, rollback_to),
        stack_name=stack_name,
        parameters=parameters,
        tags=tags,
        config=config,
        role_arn=role_arn,
        on_failure=_ON_FAILURE[on_failure.value],
        bucket=bucket,
        create_bucket=create_bucket,
    )
    choices = DeployChoices(
        yes=yes,
        execute=not no_execute,
        recreate=recreate,
        rollback_to=rollback_to,
        outputs_file=outputs_file,
        timeline_file=timeline,
        preflight=not skip_preflight,
        protect=protect,
    )
    words = Words(as_json=output is OutputFormat.JSON)
    Deployer(Aws(region=region, profile=profile), words).deploy(settings, choices)


def _stack(stack: str | None, rollback_to: str | None) -> str:
    if stack is not None:
        return stack
    if rollback_to is not None:
        # Only one stack runs an image.
        return "LlmServiceInfraStack"
    raise UsageError(
        "no stack is named", where="STACK", remedy="name one: generate.py deploy STACK"
    )
