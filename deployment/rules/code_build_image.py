from __future__ import annotations

import re
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

# Docker images that CodeBuild provides, and the versions that it still supports.
_CURATED = re.compile(
    r"^aws/codebuild/("
    r"standard:[67]\.0"
    r"|amazonlinux2?-x86_64-standard:(4\.0|5\.0|6\.0|corretto8|corretto11)"
    r"|amazonlinux2?-aarch64-standard:[23]\.0"
    r"|amazonlinux-(x86_64|aarch64)-lambda-standard:\w[\w.]*"
    r"|windows-base:20(19|22)-\d\.0"
    r"|macos-arm-base:\d+"
    r")(-\d\d\.\d\d\.\d\d)?$"
)


class CodeBuildImage(CloudFormationLintRule):  # type: ignore[misc]  # cfnlint has no types
    """An image that CodeBuild lacks fails in the first build, long after the stack is made."""

    id = "E9106"
    shortdesc = "Known CodeBuild image"
    description = "An image below aws/codebuild/ is one that CodeBuild provides."
    source_url = (
        "https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-available.html"
    )
    tags = ("resources", "codebuild")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """Returns a match for each curated image that does not exist."""
        matches = []
        for name, project in cfn.get_resources("AWS::CodeBuild::Project").items():
            image = project.get("Properties", {}).get("Environment", {}).get("Image")
            if not isinstance(image, str):
                continue
            wrong_folder = image.startswith("aws/") and not _CURATED.match(image)
            if wrong_folder or re.search(r"\s", image) or not image:
                path = ["Resources", name, "Properties", "Environment", "Image"]
                message = f"{image}: not an image of CodeBuild, such as aws/codebuild/standard:7.0"
                matches.append(RuleMatch(path, message))
        return matches
