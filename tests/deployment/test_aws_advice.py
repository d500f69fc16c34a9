from __future__ import annotations

import pytest
from botocore import exceptions

from deployment.aws_advice import advise, is_transient
from deployment.exit_code import ExitCode
from tests.deployment.fakes import client_error


@pytest.mark.parametrize(
    ("code", "message", "what", "remedy"),
    [
        (
            "ExpiredToken",
            "The security token included in the request is expired",
            "expired",
            "sso login",
        ),
        ("ExpiredTokenException", "expired", "expired", "sso login"),
        ("RequestExpired", "Request has expired.", "expired", "sso login"),
        (
            "InvalidClientTokenId",
            "The security token is invalid.",
            "does not know",
            "get-caller-identity",
        ),
        ("SignatureDoesNotMatch", "bad", "does not know", "clock of this machine"),
        (
            "AccessDenied",
            "User: arn:x is not authorized to perform: cloudformation:CreateChangeSet "
            "on resource: y",
            "access denied",
            "cloudformation:CreateChangeSet",
        ),
        ("UnauthorizedOperation", "You are not authorized", "access denied", "TheCall"),
        ("Throttling", "Rate exceeded", "too many requests", "wait a minute"),
        ("LimitExceededException", "limit", "quota", "Service Quotas"),
        ("OptInRequired", "not subscribed", "not subscribed", "enable the region"),
        ("Strange", "something new", "something new", "--debug"),
    ],
)
def test_a_refusal_says_what_where_and_what_next(
    code: str, message: str, what: str, remedy: str
) -> None:
    advice = advise(client_error(code, message, operation="TheCall"))
    assert what in advice.what
    assert message in advice.what
    assert advice.where == f"AWS call TheCall ({code})"
    assert remedy in advice.remedy
    assert advice.exit_code is ExitCode.AWS_REFUSED


@pytest.mark.parametrize(
    ("error", "exit_code", "remedy"),
    [
        (exceptions.NoCredentialsError(), ExitCode.AWS_REFUSED, "aws configure"),
        (exceptions.UnauthorizedSSOTokenError(), ExitCode.AWS_REFUSED, "sso login"),
        (
            exceptions.TokenRetrievalError(provider="sso", error_msg="x"),
            ExitCode.AWS_REFUSED,
            "sso login",
        ),
        (exceptions.ProfileNotFound(profile="nobody"), ExitCode.USAGE, "list-profiles"),
        (exceptions.NoRegionError(), ExitCode.USAGE, "--region"),
        (exceptions.InvalidRegionError(region_name="eu west"), ExitCode.USAGE, "--region"),
        (
            exceptions.EndpointConnectionError(endpoint_url="https://x"),
            ExitCode.AWS_REFUSED,
            "region exists",
        ),
        (exceptions.ReadTimeoutError(endpoint_url="https://x"), ExitCode.AWS_REFUSED, "network"),
        (exceptions.ParamValidationError(report="bad"), ExitCode.USAGE, "correct the value"),
    ],
)
def test_a_local_error_says_what_next(
    error: exceptions.BotoCoreError, exit_code: ExitCode, remedy: str
) -> None:
    advice = advise(error)
    assert advice.exit_code is exit_code
    assert remedy in advice.remedy


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (client_error("Throttling"), True),
        (client_error("RequestLimitExceeded"), True),
        (client_error("InternalFailure", status=500), True),
        (client_error("ServiceUnavailable", status=503), True),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), True),
        (exceptions.ConnectionClosedError(endpoint_url="https://x"), True),
        (client_error("AccessDenied", status=403), False),
        (client_error("ValidationError"), False),
        (exceptions.NoCredentialsError(), False),
        (ValueError("x"), False),
    ],
)
def test_only_what_may_pass_is_transient(error: Exception, transient: bool) -> None:
    assert is_transient(error) is transient
