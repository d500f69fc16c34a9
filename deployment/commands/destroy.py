from __future__ import annotations

from typing import Annotated

import typer

from deployment.commands.options import DeployedStack, Output, Profile, Region, TimelineFile, Yes
from deployment.output_format import OutputFormat

Unprotect = Annotated[
    bool,
    typer.Option("--disable-termination-protection", help="Take termination protection off first."),
]


def destroy(
    stack: DeployedStack,
    *,
    yes: Yes = False,
    unprotect: Unprotect = False,
    timeline: TimelineFile = None,
    region: Region = None,
    profile: Profile = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Deletes a stack and says what is left; one that does not exist is nothing to do."""
    # Imported here, so that --help need not wait for AWS's and the terminal's libraries.
    from deployment.aws import Aws  # noqa: PLC0415
    from deployment.output import Output as Words  # noqa: PLC0415
    from deployment.result_file import write_file  # noqa: PLC0415
    from deployment.stack_name import check_stack_name  # noqa: PLC0415
    from deployment.stack_remover import StackRemover  # noqa: PLC0415
    from deployment.stack_state import StackState  # noqa: PLC0415
    from deployment.timeline import Timeline  # noqa: PLC0415

    aws = Aws(region=region, profile=profile)
    words = Words(as_json=output is OutputFormat.JSON)
    state = StackState.read(aws, check_stack_name(stack))
    if state is None:
        words.note(f"{stack} does not exist in {aws.region}: nothing to do")
        words.result({"stack": stack, "deleted": False, "kept": []})
        return
    remover = StackRemover(aws, words)
    outcome = remover.remove(state, yes=yes, unprotect=unprotect)
    if timeline:
        write_file(timeline, Timeline(f"{stack}: {outcome.status}", outcome.events).to_svg())
    kept = remover.kept(state)
    words.note(f"{stack} is deleted")
    words.result(
        {"stack": stack, "deleted": True, "kept": kept}, *(f"kept: {item}" for item in kept)
    )
