"""What an error of AWS means and what to do next, in one place for every command."""

from __future__ import annotations

import re
from typing import Any

from botocore import exceptions

from deployment.errors import AwsRefusedError, CommandError, UsageError

THROTTLED = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "SlowDown",
    }
)
_ACTION = re.compile(r"perform:? ([a-z0-9-]+:[A-Za-z]+)")


def error_code(error: exceptions.ClientError) -> str:
    """Returns the code that AWS gave an error, for example "AccessDenied"."""
    return str(error.response.get("Error", {}).get("Code", ""))


def error_message(error: exceptions.ClientError) -> str:
    """Returns the sentence that AWS gave an error."""
    return str(error.response.get("Error", {}).get("Message", "")) or str(error)


def is_transient(error: BaseException) -> bool:
    """Says whether the same call may succeed later: throttling, lost network, a fault of AWS."""
    if isinstance(error, exceptions.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error_code(error) in THROTTLED or status >= 500
    return isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError)


def advise(error: exceptions.BotoCoreError | exceptions.ClientError) -> CommandError:
    """Turns an error of boto3 into one that says what to do next."""
    if isinstance(error, exceptions.ClientError):
        return _advise_refusal(error)
    return _advise_local(error)


def _advise_refusal(error: exceptions.ClientError) -> CommandError:
    code, message = error_code(error), error_message(error)
    if "token included in the request is expired" in message:
        code = "ExpiredToken"
    action = _ACTION.search(message)
    what, remedy = _REFUSED.get(code, ("", "see the message; --debug shows the whole exchange"))
    return AwsRefusedError(
        f"{what}: {message}" if what else message,
        where=f"AWS call {error.operation_name} ({code})",
        remedy=remedy.format(action=action.group(1) if action else error.operation_name),
    )


def _advise_local(error: exceptions.BotoCoreError) -> CommandError:
    for types, kind, what, where, remedy in _LOCAL:
        if isinstance(error, types):
            return kind(f"{what}: {error}" if what else str(error), where=where, remedy=remedy)
    return AwsRefusedError(str(error), remedy="see the message; --debug shows the whole exchange")


_LOG_IN = "log in again: aws sso login, or export fresh AWS_ACCESS_KEY_ID and its companions"
_CHECK_CREDENTIALS = (
    "check with `aws sts get-caller-identity`, the clock of this machine, and that the region is "
    "enabled for the account"
)
_ALLOW = "let an administrator allow {action} to this role, or choose another --profile"
_REGION = "name one, for example: --region eu-central-1"

# Code of the error: what to say before AWS's own sentence, and what to do next.
_REFUSED = {
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
        ("the AWS credentials have expired", _LOG_IN),
    ),
    **dict.fromkeys(
        (
            "AuthFailure",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        ("AWS does not know these credentials", _CHECK_CREDENTIALS),
    ),
    **dict.fromkeys(
        ("403", "AccessDenied", "AccessDeniedException", "NotAuthorized", "UnauthorizedOperation"),
        ("access denied", _ALLOW),
    ),
    **dict.fromkeys(
        THROTTLED, ("AWS had too many requests", "wait a minute and run the command again")
    ),
    "LimitExceededException": (
        "a quota of the account is used up",
        "raise it in the Service Quotas console, or delete what is not needed",
    ),
    "OptInRequired": ("", "enable the region or the service for this account"),
    "ValidationError": ("", "correct the value that the message names and run it again"),
}

# Kind of the error: what it becomes, what to say before its own sentence, where, what to do next.
_LOCAL: tuple[tuple[Any, type[CommandError], str, str, str], ...] = (
    (
        (exceptions.NoCredentialsError, exceptions.PartialCredentialsError),
        AwsRefusedError,
        "no AWS credentials",
        "environment, ~/.aws, instance role",
        "run `aws configure sso` or `aws configure`, or name a --profile",
    ),
    (
        (
            exceptions.SSOError,
            exceptions.TokenRetrievalError,
            exceptions.CredentialRetrievalError,
        ),
        AwsRefusedError,
        "the AWS log-in has ended",
        "~/.aws",
        _LOG_IN,
    ),
    (
        exceptions.ProfileNotFound,
        UsageError,
        "",
        "--profile, AWS_PROFILE",
        "list the profiles with `aws configure list-profiles`",
    ),
    (exceptions.NoRegionError, UsageError, "", "--region, AWS_REGION", _REGION),
    (exceptions.InvalidRegionError, UsageError, "", "--region, AWS_REGION", _REGION),
    (
        (exceptions.EndpointConnectionError, exceptions.ConnectionError),
        AwsRefusedError,
        "AWS cannot be reached",
        "network",
        "check that the region exists (--region), then network, proxy and AWS_ENDPOINT_URL",
    ),
    (
        exceptions.HTTPClientError,
        AwsRefusedError,
        "the connection to AWS broke",
        "network",
        "check network and proxy, then run the command again",
    ),
    (
        exceptions.ParamValidationError,
        UsageError,
        "",
        "",
        "correct the value that the message names",
    ),
)
