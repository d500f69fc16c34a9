from __future__ import annotations

from templates.parameter import Parameter
from templates.parameter_group import ParameterGroup

_HEADING = "Build"


class BuildParameters(ParameterGroup):
    """The machine that builds, tests and pushes."""

    heading = _HEADING

    compute_type = Parameter(
        name="BuildComputeType",
        group=_HEADING,
        label="Build machine",
        description="The tests load torch: the small machine's 3 GiB are not enough.",
        default="BUILD_GENERAL1_MEDIUM",
        allowed_values=(
            "BUILD_GENERAL1_MEDIUM",
            "BUILD_GENERAL1_LARGE",
            "BUILD_GENERAL1_XLARGE",
        ),
    )
    image = Parameter(
        name="BuildImage",
        group=_HEADING,
        label="CodeBuild image",
        description="Must bring Docker, Python 3.11, git and make.",
        default="aws/codebuild/amazonlinux-x86_64-standard:5.0",
        allowed_pattern=r"^aws/codebuild/(amazonlinux-x86_64-standard:[5-9]\.0|standard:[7-9]\.0)$",
        constraint="A current x86_64 image of CodeBuild:"
        " aws/codebuild/amazonlinux-x86_64-standard:5.0 or aws/codebuild/standard:7.0.",
    )
    timeout_minutes = Parameter(
        name="BuildTimeoutMinutes",
        group=_HEADING,
        label="Minutes for a build",
        description="A build that takes longer is stopped and fails.",
        type="Number",
        default=60,
        min_value=15,
        max_value=480,
    )
