from __future__ import annotations

from typing import Any


def accepted(**reasons: str) -> dict[str, Any]:
    """Returns resource metadata that records findings of checkov and why each is accepted.

    Args:
        reasons: Sentence by the check's id, for example CKV_AWS_158.
    """
    return {
        "checkov": {"skip": [{"id": check, "comment": reason} for check, reason in reasons.items()]}
    }
