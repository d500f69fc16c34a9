from __future__ import annotations

from templates.parameter import Parameter
from templates.parameter_group import ParameterGroup

_HEADING = "Operations"

# The periods that CloudWatch Logs accepts, up to a year.
_RETENTION_DAYS = ("1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365")


class OperationsParameters(ParameterGroup):
    """How the stack is watched and bounded."""

    heading = _HEADING

    alarm_email = Parameter(
        name="AlarmEmail",
        group=_HEADING,
        label="E-mail for alarms",
        default="",
        allowed_pattern=r"^([^@\s]+@[^@\s]+\.[^@\s]+)?$",
        constraint="Empty, or an e-mail address.",
    )
    log_retention_days = Parameter(
        name="LogRetentionDays",
        group=_HEADING,
        label="Days to keep logs",
        default="30",
        allowed_values=_RETENTION_DAYS,
    )
    permissions_boundary_arn = Parameter(
        name="PermissionsBoundaryArn",
        group=_HEADING,
        label="Permissions boundary of every role",
        default="",
        allowed_pattern=r"^(arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+)?$",
        constraint="Empty, or the ARN of a managed policy.",
    )
