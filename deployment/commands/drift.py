from __future__ import annotations

import typer

from deployment.commands.options import DeployedStack, Output, Profile, Region
from deployment.exit_code import ExitCode
from deployment.output_format import OutputFormat


def drift(
    stack: DeployedStack,
    *,
    region: Region = None,
    profile: Profile = None,
    output: Output = OutputFormat.TEXT,
) -> None:
    """Shows what other hands changed since the stack was deployed; exits with 1 for any."""
    # Imported here, so that --help need not wait for AWS's and the terminal's libraries.
    from deployment.aws import Aws  # noqa: PLC0415
    from deployment.drift_detector import DriftDetector  # noqa: PLC0415
    from deployment.drift_view import drift_view  # noqa: PLC0415
    from deployment.output import Output as Words  # noqa: PLC0415

    words = Words(as_json=output is OutputFormat.JSON)
    with words.working(f"Asking every resource of {stack}"):
        report = DriftDetector(Aws(region=region, profile=profile)).detect(stack)
    words.result(report.to_dict(), drift_view(report))
    if report.drifted:
        raise typer.Exit(ExitCode.DIFFERENCES)
