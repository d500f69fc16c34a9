from __future__ import annotations

from typing import Any


def skip_checks(**reasons: str) -> dict[str, Any]:
    """Returns resource metadata that tells checkov which checks do not apply, and why.

    Args:
        reasons: Sentence by check id, such as CKV_AWS_115="Reserved concurrency ...".
    """
    skips = [{"id": check, "comment": reason} for check, reason in reasons.items()]
    return {"checkov": {"skip": skips}}
