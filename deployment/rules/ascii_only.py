from __future__ import annotations

from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from deployment.rules.template_walk import walk


class AsciiOnly(CloudFormationLintRule):  # type: ignore[misc]  # cfnlint has no types
    """CloudFormation returns characters above U+007F as question marks: a false difference."""

    id = "E9110"
    shortdesc = "ASCII only"
    description = "A template that is read back equals the one sent only when it is ASCII."
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplate.html"
    )
    tags = ("strings",)

    def match(self, cfn: Any) -> list[RuleMatch]:
        """Returns a match for each key or value that is not ASCII."""
        matches = []
        for path, value in walk(cfn.template):
            keys = list(value) if isinstance(value, dict) else []
            for text in [value, *keys]:
                if isinstance(text, str) and not text.isascii():
                    odd = next(letter for letter in text if not letter.isascii())
                    matches.append(RuleMatch(path, f"{odd!a} comes back as a question mark"))
        return matches
