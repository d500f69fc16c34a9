from __future__ import annotations

import re
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from deployment.rules.template_walk import walk

_BRACE = re.compile(r"\$\{(?!!)([^}]*)\}?")
_NAME = re.compile(r"^\s*[A-Za-z0-9]+(::[A-Za-z0-9]+)?(\.[A-Za-z0-9.]+)?\s*$")


class ShellDefaultInSub(CloudFormationLintRule):  # type: ignore[misc]  # cfnlint has no types
    """CloudFormation refuses ${name:-default} at create time; cfn-lint takes it for text."""

    id = "E9108"
    shortdesc = "No shell expansion inside Fn::Sub"
    description = "Inside Fn::Sub every ${...} is CloudFormation's; the shell's is ${!...}."
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
        "intrinsic-function-reference-sub.html"
    )
    tags = ("functions", "sub")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """Returns a match for each brace that names nothing of CloudFormation."""
        matches = []
        for path, value in walk(cfn.template):
            if not path or path[-1] != "Fn::Sub":
                continue
            text = value[0] if isinstance(value, list) and value else value
            if not isinstance(text, str):
                continue
            for found in _BRACE.finditer(text):
                if not _NAME.match(found.group(1)):
                    message = (
                        f"{found.group()}: write ${{!{found.group(1)}}} or leave the braces out"
                    )
                    matches.append(RuleMatch(path, message))
        return matches
