from __future__ import annotations

from typing import Annotated

import typer

from deployment.commands.options import Output, Profile, Region
from deployment.output_format import OutputFormat

Stack = Annotated[str, typer.Argument(metavar="[STACK]", help="Name of the stack in AWS.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")]
Since = Annotated[
    str, typer.Option("--since", metavar="TIME", help="How far back: 90s, 15m, 2h, 1d.")
]
Filter = Annotated[
    str, typer.Option("--filter", help="Filter pattern of CloudWatch Logs, for example ERROR.")
]
Group = Annotated[
    str, typer.Option("--group", help="Only log groups whose name contains this text.")
]
Stream = Annotated[
    str, typer.Option("--stream", help="Only streams that begin so, for example an instance id.")
]


def logs(
    stack: Stack = "LlmServiceInfraStack",
    *,
    follow: Follow = False,
    since: Since = "15m",
    pattern: Filter = "",
    group: Group = "",
    stream: Stream = "",
    region: Region = None,
    profile: Profile = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Shows the log lines of a stack's instances, agent and user data, in order of time."""
    # Imported here, so that --help need not wait for AWS's and the terminal's libraries.
    from deployment.aws import Aws  # noqa: PLC0415
    from deployment.log_reader import LogReader  # noqa: PLC0415
    from deployment.output import Output as Words  # noqa: PLC0415

    words = Words(as_json=output is OutputFormat.JSON)
    reader = LogReader(
        Aws(region=region, profile=profile),
        stack,
        words,
        pattern=pattern,
        group=group,
        stream=stream,
    )
    reader.show(since, follow=follow)
