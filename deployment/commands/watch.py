from __future__ import annotations

from deployment.commands.options import DeployedStack, Output, Profile, Region, TimelineFile
from deployment.output_format import OutputFormat


def watch(
    stack: DeployedStack,
    *,
    timeline: TimelineFile = None,
    region: Region = None,
    profile: Profile = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Follows the operation that is under way, or shows the last one, from its first event."""
    # Imported here, so that --help need not wait for AWS's and the terminal's libraries.
    from deployment.aws import Aws  # noqa: PLC0415
    from deployment.errors import UsageError  # noqa: PLC0415
    from deployment.output import Output as Words  # noqa: PLC0415
    from deployment.result_file import write_file  # noqa: PLC0415
    from deployment.stack_operator import StackOperator, failure_of  # noqa: PLC0415
    from deployment.stack_state import StackState  # noqa: PLC0415
    from deployment.timeline import Timeline  # noqa: PLC0415

    aws = Aws(region=region, profile=profile)
    words = Words(as_json=output is OutputFormat.JSON)
    state = StackState.read(aws, stack)
    if state is None:
        raise UsageError(
            f"{stack} does not exist in {aws.region}",
            where="STACK",
            remedy="check the name and --region; a deleted stack is found by its ARN",
        )
    outcome = StackOperator(aws, words).resume(state)
    if timeline:
        write_file(timeline, Timeline(f"{stack}: {outcome.status}", outcome.events).to_svg())
    if not outcome.succeeded:
        raise failure_of(outcome, stack)
    words.result(
        {
            "stack": stack,
            "status": outcome.status,
            "events": [event.to_dict() for event in outcome.events],
        },
        f"{stack}: {outcome.status}",
    )
