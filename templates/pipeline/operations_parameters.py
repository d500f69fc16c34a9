from __future__ import annotations

from templates.parameter import Parameter
from templates.parameter_group import ParameterGroup

_HEADING = "Operations"

# The periods that CloudWatch Logs accepts, up to a year.
_RETENTION_DAYS = ("1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365")


class PipelineOperationsParameters(ParameterGroup):
    """Who hears of failures, and how long logs and artifacts stay."""

    heading = _HEADING

    notification_email = Parameter(
        name="NotificationEmail",
        group=_HEADING,
        label="E-mail for failures and approvals",
        description="Subscribes to the pipeline's topic after a click in the e-mail; empty for"
        " none.",
        default="",
        allowed_pattern=r"^([^@\s]+@[^@\s]+\.[^@\s]+)?$",
        constraint="Empty, or an e-mail address.",
    )
    log_retention_days = Parameter(
        name="LogRetentionDays",
        group=_HEADING,
        label="Days to keep build logs",
        description="Logs of builds, deployments and smoke tests.",
        type="Number",
        default="30",
        allowed_values=_RETENTION_DAYS,
    )
    artifact_retention_days = Parameter(
        name="ArtifactRetentionDays",
        group=_HEADING,
        label="Days to keep artifacts",
        description="Sources and templates of past runs; a stage can be run again as long as its"
        " artifacts are there.",
        type="Number",
        default=30,
        min_value=1,
        max_value=3650,
    )
