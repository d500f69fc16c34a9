from __future__ import annotations

import re
from collections.abc import Mapping

from deployment.errors import UsageError

MAX_TAGS = 50
MAX_KEY_CHARACTERS = 128
MAX_VALUE_CHARACTERS = 256
# What every taggable service takes; some take more, but a stack's tags go to all its resources.
_ALLOWED = re.compile(r"[\w\s.:/=+\-@]*")


def check_tags(tags: Mapping[str, str], *, where: str = "--tag") -> dict[str, str]:
    """Returns tags that CloudFormation and the services behind it accept.

    Raises:
        UsageError: A tag would be refused; the message names it and the rule.
    """
    if len(tags) > MAX_TAGS:
        raise UsageError(
            f"{len(tags)} tags are too many",
            where=where,
            remedy=f"a stack takes at most {MAX_TAGS}",
        )
    for key, value in tags.items():
        problem = _problem(key, value)
        if problem:
            raise UsageError(
                f"tag {key!r} = {value!r}: {problem}",
                where=where,
                remedy="use letters, digits, spaces and _ . : / = + - @",
            )
    return dict(tags)


def _problem(key: str, value: str) -> str:
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS:
        return f"a key has 1 to {MAX_KEY_CHARACTERS} characters, this one {len(key)}"
    if len(value) > MAX_VALUE_CHARACTERS:
        return f"a value has at most {MAX_VALUE_CHARACTERS} characters, this one {len(value)}"
    if key.lower().startswith("aws:"):
        return "keys that begin with aws: belong to AWS"
    for text in (key, value):
        if not _ALLOWED.fullmatch(text):
            bad = sorted({character for character in text if not _ALLOWED.fullmatch(character)})
            return f"not allowed: {' '.join(bad)}"
    return ""
