from __future__ import annotations

import re

_LOST = re.compile(r"(?:[^\x00-\x7f]|\?)+")


def same_after_mask(before: str, after: str) -> bool:
    """Says whether two texts differ in nothing but characters that CloudFormation cannot return.

    CloudFormation gives every character above U+007F back as `?`, one or several of them, so a
    text that holds one seems to differ from itself.
    """
    return before == after or mask(before) == mask(after)


def mask(text: str) -> str:
    """Returns the text with each run of such characters, and of `?`, as one `?`."""
    return _LOST.sub("?", text)
