from __future__ import annotations

import re

from deployment.errors import UsageError

_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")


def check_stack_name(name: str) -> str:
    """Returns a stack name that CloudFormation accepts.

    Raises:
        UsageError: It would be refused; the remedy names one that would not be.
    """
    if _PATTERN.fullmatch(name):
        return name
    suggestion = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:128].strip("-")
    if not re.match(r"[A-Za-z]", suggestion):
        suggestion = f"stack-{suggestion}".rstrip("-")[:128]
    raise UsageError(
        f"stack name {name!r} is not allowed: 1 to 128 letters, digits and hyphens, a letter first",
        where="stack name",
        remedy=f"use {suggestion!r}",
    )
