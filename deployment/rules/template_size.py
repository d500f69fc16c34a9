from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

INLINE_BYTES = 51_200


class TemplateSize(CloudFormationLintRule):  # type: ignore[misc]  # cfnlint has no types
    """cfn-lint's own rule speaks at 1 MB, which only templates in S3 may have."""

    id = "E9109"
    shortdesc = "A template that can be sent inline"
    description = f"CloudFormation takes {INLINE_BYTES} bytes in a request."
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"
    )
    tags = ("limits",)

    def match(self, cfn: Any) -> list[RuleMatch]:
        """Returns a match when the template has too many bytes."""
        if cfn.filename and Path(cfn.filename).is_file():
            size = Path(cfn.filename).stat().st_size
        else:
            size = len(json.dumps(cfn.template).encode())
        if size <= INLINE_BYTES:
            return []
        return [RuleMatch([], f"{size} bytes: at most {INLINE_BYTES}, or upload it to S3")]
