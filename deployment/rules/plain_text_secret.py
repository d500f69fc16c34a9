from __future__ import annotations

import re
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from deployment.rules.template_walk import Path, walk

_SECRET_PROPERTY = re.compile(r"(OAuthToken|SecretToken|SecretString|Password|ApiKey|AccessToken)$")
# Tokens of GitHub, the model hub, and AWS: the beginnings that their issuers document.
_SECRET_TEXT = re.compile(
    r"(ghp_|gho_|ghs_|ghr_|github_pat_)\w{20,}|hf_[A-Za-z]{30,}|\b(AKIA|ASIA)[A-Z0-9]{16}\b"
)
_DYNAMIC_REFERENCE = re.compile(r"\{\{resolve:(secretsmanager|ssm-secure):")


class PlainTextSecret(CloudFormationLintRule):  # type: ignore[misc]  # cfnlint has no types
    """Whoever may read a template may read every secret that is written in it."""

    id = "E9104"
    shortdesc = "No secret in plain text"
    description = "Tokens and passwords come from Secrets Manager by a dynamic reference."
    source_url = (
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html"
    )
    tags = ("resources", "secrets")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """Returns a match for each string that is a secret."""
        matches = []
        for path, value in walk(cfn.template):
            if not isinstance(value, str):
                continue
            if _SECRET_TEXT.search(value):
                matches.append(RuleMatch(path, "a token in plain text: use {{resolve:...}}"))
            elif _is_secret_property(path) and value and not _DYNAMIC_REFERENCE.search(value):
                matches.append(
                    RuleMatch(
                        path, f"{path[-1]} in plain text: use {{{{resolve:secretsmanager:...}}}}"
                    )
                )
        return matches


def _is_secret_property(path: Path) -> bool:
    if len(path) < 4 or path[0] != "Resources" or "Properties" not in path:
        return False
    return isinstance(path[-1], str) and _SECRET_PROPERTY.search(path[-1]) is not None
