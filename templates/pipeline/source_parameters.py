from __future__ import annotations

from templates.parameter import Parameter
from templates.parameter_group import ParameterGroup

_HEADING = "Source"


class SourceParameters(ParameterGroup):
    """Which repository and branch the pipeline follows, and how it may read them."""

    heading = _HEADING

    owner = Parameter(
        name="GitHubOwner",
        group=_HEADING,
        label="GitHub owner",
        description="User or organisation that the repository belongs to. Required.",
        default="",
        allowed_pattern=r"^([A-Za-z0-9](-?[A-Za-z0-9]){0,38})?$",
        constraint="The name before the slash in github.com/owner/repository.",
    )
    repository = Parameter(
        name="GitHubRepository",
        group=_HEADING,
        label="GitHub repository",
        description="Repository with the Dockerfile, the buildspec and the templates.",
        default="llm-service",
        allowed_pattern=r"^[\w.-]{1,100}$",
        constraint="The name after the slash in github.com/owner/repository.",
    )
    branch = Parameter(
        name="GitHubBranch",
        group=_HEADING,
        label="Branch",
        description="A push to this branch starts the pipeline.",
        default="main",
        allowed_pattern=r"^[\w./-]{1,244}$",
        constraint="A branch's name such as main or release/1.x.",
    )
    connection_arn = Parameter(
        name="ConnectionArn",
        group=_HEADING,
        label="CodeConnections connection",
        description="ARN of a connection to GitHub, the recommended way. Empty reads the token from"
        " the secret deepseek-llm-service-pat, key github-token, and registers a webhook.",
        default="",
        allowed_pattern=r"^(arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:\d{12}"
        r":connection/[0-9a-f-]{36})?$",
        constraint="Empty, or the ARN that Developer Tools > Connections shows.",
    )
    ignored_paths = Parameter(
        name="IgnoredPaths",
        group=_HEADING,
        label="Paths that build nothing",
        description="A push that changes only these starts no run; at most 8 patterns. Needs a"
        " connection.",
        type="CommaDelimitedList",
        default="docs/**,*.md",
        allowed_pattern=r"^[\w./*?-]{1,255}$",
        constraint="Glob patterns separated by commas: docs/**,*.md.",
    )
    secret_rotation = Parameter(
        name="SecretRotation",
        group=_HEADING,
        label="Rotation of the secrets",
        description="Change it after the token or the webhook's secret was changed: CloudFormation"
        " reads a secret again only when the resource that uses it changes.",
        default="1",
        allowed_pattern=r"^[A-Za-z0-9-]{1,32}$",
        constraint="Letters, digits and hyphens, for example the date: 2026-11-25.",
    )
