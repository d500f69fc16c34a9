from __future__ import annotations

from typing import Annotated

import typer

from deployment.commands.options import Output, Profile, Region
from deployment.exit_code import ExitCode
from deployment.output_format import OutputFormat

Stacks = Annotated[
    list[str] | None,
    typer.Argument(metavar="[STACK]...", help="Stacks in AWS; without any, pipeline and service."),
]
Fail = Annotated[bool, typer.Option("--fail", help="Exit with 1 when something is not well.")]
DEFAULT_STACKS = ("LlmServiceCicdPipelineStack", "LlmServiceInfraStack")


def status(
    stacks: Stacks = None,
    *,
    fail: Fail = False,
    region: Region = None,
    profile: Profile = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Shows stacks, pipeline stages, instances with health, and the image, in one table."""
    # Imported here, so that --help need not wait for AWS's and the terminal's libraries.
    from deployment.aws import Aws  # noqa: PLC0415
    from deployment.output import Output as Words  # noqa: PLC0415
    from deployment.status_collector import StatusCollector  # noqa: PLC0415
    from deployment.status_view import status_view  # noqa: PLC0415

    words = Words(as_json=output is OutputFormat.JSON)
    collector = StatusCollector(Aws(region=region, profile=profile))
    rows = [row for stack in stacks or DEFAULT_STACKS for row in collector.collect(stack)]
    well = all(row.well for row in rows)
    words.result({"well": well, "rows": [row.to_dict() for row in rows]}, status_view(rows))
    if fail and not well:
        raise typer.Exit(ExitCode.DIFFERENCES)
