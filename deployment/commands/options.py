"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from deployment.output_format import OutputFormat

Stack = Annotated[
    str,
    typer.Argument(
        metavar="STACK",
        help="One of this repository's stacks, or the path of a template (JSON or YAML).",
    ),
]
StackName = Annotated[
    str | None,
    typer.Option("--stack-name", help="Name in AWS, when it differs from the template's."),
]
DeployedStack = Annotated[str, typer.Argument(metavar="STACK", help="Name of the stack in AWS.")]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--parameter",
        "-p",
        metavar="KEY=VALUE",
        help="Parameter value; all after the first = is the value. May be repeated.",
    ),
]
Configuration = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Template configuration file with Parameters, Tags and StackPolicy.",
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="KEY=VALUE", help="Tag of the stack. May be repeated."),
]
Bucket = Annotated[
    str | None,
    typer.Option(
        "--bucket",
        help="Bucket for templates; without it llm-service-templates-ACCOUNT-REGION.",
    ),
]
CreateBucket = Annotated[
    bool, typer.Option("--create-bucket", help="Make the bucket when it does not exist.")
]
RoleArn = Annotated[
    str | None, typer.Option("--role-arn", help="Role that CloudFormation acts with.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Region = Annotated[
    str | None, typer.Option("--region", help="AWS region; without it the environment's.")
]
Profile = Annotated[
    str | None, typer.Option("--profile", help="AWS profile; without it the environment's.")
]
Output = Annotated[OutputFormat, typer.Option("--output", help="Form of the result.")]
TimelineFile = Annotated[
    Path | None,
    typer.Option("--timeline", metavar="FILE", help="Draw the operation's timeline as SVG."),
]
