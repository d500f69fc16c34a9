from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from deployment.aws_advice import error_code
from deployment.preflight.check_result import CheckResult
from deployment.preflight.preflight_context import PreflightContext

# The id may be an ARN, which holds colons itself.
_REFERENCE = re.compile(r"\{\{resolve:secretsmanager:(.+?):SecretString(?::([^:}]*))?[^}]*\}\}")
NAME = "secret"


def check_secrets(context: PreflightContext) -> Iterator[CheckResult]:
    """Checks that each secret that the stack reads is there, with its key.

    The value itself is read, because nothing else tells the keys, and never shown.
    """
    needed = set(_references(context))
    needed |= {
        (value, "")
        for key, value in context.evaluator.parameters.items()
        if key.endswith("SecretArn") and value
    }
    if not needed:
        yield CheckResult.skipped(NAME, "the stack reads none")
    for secret, key in sorted(needed):
        yield _check(context, secret, key)


def _references(context: PreflightContext) -> Iterator[tuple[str, str]]:
    for properties in context.evaluator.active_properties().values():
        for text in _texts(properties):
            for match in _REFERENCE.finditer(text):
                yield match.group(1), match.group(2) or ""


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _check(context: PreflightContext, secret: str, key: str) -> CheckResult:
    name = f"{NAME} {secret}"
    content = json.dumps({key or "key": "..."})
    try:
        answer = context.aws.client("secretsmanager").get_secret_value(SecretId=secret)
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        return CheckResult.failed(
            name,
            f"it does not exist in {context.aws.region}",
            f"aws secretsmanager create-secret --name {secret} --secret-string '{content}'",
        )
    if not key:
        return CheckResult.passed(name, "is there")
    try:
        values = json.loads(answer.get("SecretString", ""))
    except ValueError:
        values = None
    if not isinstance(values, dict) or not values.get(key):
        return CheckResult.failed(
            name,
            f"it has no key {key}",
            f"aws secretsmanager put-secret-value --secret-id {secret} --secret-string '{content}'",
        )
    return CheckResult.passed(name, f"has key {key}")
