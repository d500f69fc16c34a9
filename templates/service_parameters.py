from __future__ import annotations

from templates.parameter import Parameter
from templates.parameter_group import ParameterGroup

_HEADING = "Model and image"
_ARN_PATTERN = r"^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+)?$"


class ServiceParameters(ParameterGroup):
    """What is served: the container image, the model and the server's settings."""

    heading = _HEADING

    model_name = Parameter(
        name="ModelName",
        group=_HEADING,
        label="Model (hub id)",
        default="HuggingFaceTB/SmolLM2-135M-Instruct",
        allowed_pattern=r"^[\w./-]{1,200}$",
        constraint="A hub id: owner/name.",
    )
    weights_location = Parameter(
        name="WeightsLocation",
        group=_HEADING,
        label="Weights",
        description="s3://bucket/prefix with the model's files; empty: from the hub.",
        default="",
        allowed_pattern=r"^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w.-]+)+)?$",
        constraint="Empty, or s3://bucket/prefix without a slash at the end.",
    )
    image_tag = Parameter(
        name="ImageTag",
        group=_HEADING,
        label="Image tag or digest",
        description="A new value rolls the fleet; latest moves unseen.",
        default="latest",
        allowed_pattern=r"^(sha256:[0-9a-f]{64}|\w[\w.-]{0,127})$",
        constraint="A tag such as 1a2b3c4, or sha256: and 64 hexadecimal digits.",
    )
    ecr_repository_name = Parameter(
        name="EcrRepositoryName",
        group=_HEADING,
        label="ECR repository",
        default="llm-service",
        allowed_pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$",
        constraint="The name, not the address: llm-service.",
        max_length=256,
    )
    extra_environment = Parameter(
        name="ExtraEnvironment",
        group=_HEADING,
        label="More server settings: NAME=value,...",
        default="",
        allowed_pattern=r"^([A-Z][A-Z0-9_]*=[^,\s'\"\\$`]*(,[A-Z][A-Z0-9_]*=[^,\s'\"\\$`]*)*)?$",
        constraint="NAME=value,NAME=value without spaces, quotes, $ or backslashes.",
        max_length=1024,
    )
    tls_secret_arn = Parameter(
        name="TlsSecretArn",
        group=_HEADING,
        label="Secret with the TLS certificate",
        description="JSON with PEM in certificate, private-key and, unless self-signed, ca.",
        default="",
        allowed_pattern=_ARN_PATTERN,
        constraint="Empty, or the full ARN of a Secrets Manager secret.",
    )
    token_secret_arn = Parameter(
        name="TokenSecretArn",
        group=_HEADING,
        label="Secret with the callers' tokens",
        description="A bearer token a line; empty asks for none.",
        default="",
        allowed_pattern=_ARN_PATTERN,
        constraint="Empty, or the full ARN of a Secrets Manager secret.",
    )
