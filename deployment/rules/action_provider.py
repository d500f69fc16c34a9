from __future__ import annotations

from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from deployment.rules.template_walk import walk

# Structure reference of CodePipeline: valid action providers by category, owners AWS and
# ThirdParty.
_PROVIDERS = {
    "Source": {
        "CodeCommit", "CodeStarSourceConnection", "ECR", "GitHub", "S3",
    },
    "Build": {"CodeBuild", "Commands", "ECRBuildAndPublish", "CloudBees", "Jenkins", "TeamCity"},
    "Test": {
        "BlazeMeter", "CodeBuild", "DeviceFarm", "GhostInspector", "InspectorScan", "Micro Focus",
        "Runscope",
    },
    "Deploy": {
        "AlexaSkillsKit", "AppConfig", "CloudFormation", "CloudFormationStackInstances",
        "CloudFormationStackSet", "CodeDeploy", "CodeDeployToECS", "EC2", "ECS", "EKS",
        "ElasticBeanstalk", "Lambda", "OpsWorks", "S3", "ServiceCatalog", "XebiaLabs",
    },
    "Approval": {"Manual"},
    "Invoke": {"CodePipeline", "Lambda", "Snyk", "StepFunctions"},
    "Compute": {"Commands"},
}  # fmt: skip


class ActionProvider(CloudFormationLintRule):  # type: ignore[misc]  # cfnlint has no types
    """CodePipeline refuses an unknown provider only when the stack is being made."""

    id = "E9105"
    shortdesc = "Known action providers in a pipeline"
    description = "ActionTypeId's Category and Provider belong together."
    source_url = (
        "https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-valid-providers.html"
    )
    tags = ("resources", "codepipeline")

    def match(self, cfn: Any) -> list[RuleMatch]:
        """Returns a match for each action that CodePipeline does not know."""
        matches = []
        for name, pipeline in cfn.get_resources("AWS::CodePipeline::Pipeline").items():
            for path, value in walk(pipeline, ["Resources", name]):
                if isinstance(value, dict) and "Provider" in value and "Category" in value:
                    matches += _check(path, value)
        return matches


def _check(path: list[Any], action: dict[str, Any]) -> list[RuleMatch]:
    category, provider = action["Category"], action["Provider"]
    if not isinstance(category, str) or not isinstance(provider, str):
        return []
    if action.get("Owner") == "Custom":
        return []
    known = _PROVIDERS.get(category)
    if known is None:
        message = f"category {category}: one of {', '.join(sorted(_PROVIDERS))}"
        return [RuleMatch([*path, "Category"], message)]
    if provider not in known:
        message = f"provider {provider} in {category}: one of {', '.join(sorted(known))}"
        return [RuleMatch([*path, "Provider"], message)]
    return []
