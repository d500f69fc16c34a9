from __future__ import annotations

from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from deployment.rules.template_walk import as_list, walk


class WildcardAction(CloudFormationLintRule):  # type: ignore[misc]  # cfnlint has no types
    """Every action of every service is administration, whatever the resource."""

    id = "E9102"
    shortdesc = "No Allow of all actions"
    description = "A policy that allows Action * or NotAction gives rights that nobody listed."
    source_url = (
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"
    )
    tags = ("resources", "iam")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """Returns a match for each statement that allows everything."""
        matches = []
        for path, value in walk(cfn.template.get("Resources", {}), ["Resources"]):
            if not isinstance(value, dict) or value.get("Effect") != "Allow":
                continue
            if "*" in as_list(value.get("Action")):
                matches.append(RuleMatch([*path, "Action"], "Action * allowed: list the actions"))
            if "NotAction" in value:
                matches.append(
                    RuleMatch([*path, "NotAction"], "NotAction allowed: list the actions")
                )
        return matches
