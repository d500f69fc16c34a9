from __future__ import annotations

from typing import Any

import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own
from cfnlint.rules import CloudFormationLintRule, RuleMatch

_TOP = {"artifacts", "batch", "cache", "env", "phases", "proxy", "reports", "run-as", "version"}
_PHASES = {"build", "install", "post_build", "pre_build"}
_PHASE = {"commands", "finally", "on-failure", "on-success", "run-as", "runtime-versions", "steps"}
_ENV = {
    "exported-variables", "git-credential-helper", "parameter-store", "secrets-manager", "shell",
    "variables",
}  # fmt: skip


class BuildSpecification(CloudFormationLintRule):  # type: ignore[misc]  # cfnlint has no types
    """CodeBuild ignores a misspelt key, or fails on it in the first build."""

    id = "E9107"
    shortdesc = "Known keys in an inline buildspec"
    description = "A buildspec written in the template has only keys that CodeBuild knows."
    source_url = "https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html"
    tags = ("resources", "codebuild")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """Returns a match for each unknown key of each inline buildspec."""
        matches = []
        for name, project in cfn.get_resources("AWS::CodeBuild::Project").items():
            text = project.get("Properties", {}).get("Source", {}).get("BuildSpec")
            if isinstance(text, dict) and "Fn::Sub" in text:
                text = text["Fn::Sub"]
                text = text[0] if isinstance(text, list) else text
            # Without a line break it is a file's name in the source.
            if isinstance(text, str) and "\n" in text:
                path = ["Resources", name, "Properties", "Source", "BuildSpec"]
                matches += [RuleMatch(path, problem) for problem in buildspec_problems(text)]
        return matches


def buildspec_problems(text: str) -> list[str]:
    """Returns a sentence for each thing in a buildspec that CodeBuild does not know."""
    try:
        spec = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return [f"buildspec: not YAML: {error}"]
    if not isinstance(spec, dict):
        return ["buildspec: not a mapping"]
    problems = _unknown("buildspec", spec, _TOP)
    if spec.get("version") not in (0.1, 0.2, "0.1", "0.2"):
        problems.append(f"buildspec: version {spec.get('version')}: 0.2")
    phases = spec.get("phases") or {}
    problems += _unknown("phases", phases, _PHASES)
    for name, phase in phases.items():
        problems += _unknown(f"phase {name}", phase or {}, _PHASE)
    return problems + _unknown("env", spec.get("env") or {}, _ENV)


def _unknown(where: str, mapping: Any, known: set[str]) -> list[str]:
    if not isinstance(mapping, dict):
        return [f"{where}: not a mapping"]
    return [
        f"{where}: unknown key {key}: one of {', '.join(sorted(known))}"
        for key in mapping
        if key not in known
    ]
