from __future__ import annotations

from typing import Any

from troposphere import GetAtt, Join, Ref, Sub, Template, codepipeline, secretsmanager

from templates.pipeline.conditions import USE_CONNECTION, USE_TOKEN, when
from templates.pipeline.findings import accepted
from templates.pipeline.source_parameters import SourceParameters

TOKEN_SECRET = "deepseek-llm-service-pat"  # noqa: S105  (a secret's name)
TOKEN_REFERENCE = f"{{{{resolve:secretsmanager:{TOKEN_SECRET}:SecretString:github-token}}}}"

ACTION = "Source"
ARTIFACT = "SourceOutput"
NAMESPACE = "SourceVariables"


def source_actions() -> list[Any]:
    """Returns the actions of the Source stage: one by a connection, one by a token; one is used."""
    return [
        when(USE_CONNECTION, _connection_action()),
        when(USE_TOKEN, _token_action()),
    ]


def push_trigger() -> codepipeline.PipelineTriggerDeclaration:
    """Returns the trigger of a connection: pushes to the branch, less the ignored paths."""
    return codepipeline.PipelineTriggerDeclaration(
        ProviderType="CodeStarSourceConnection",
        GitConfiguration=codepipeline.GitConfiguration(
            SourceActionName=ACTION,
            Push=[
                codepipeline.GitPushFilter(
                    Branches=codepipeline.GitBranchFilterCriteria(
                        Includes=[SourceParameters.branch.ref()]
                    ),
                    FilePaths=codepipeline.GitFilePathFilterCriteria(
                        Excludes=SourceParameters.ignored_paths.ref()
                    ),
                )
            ],
        ),
    )


def add_webhook(template: Template, pipeline: str) -> None:
    """Adds the webhook that GitHub calls on a push, and the secret that signs its calls.

    Args:
        template: The stack's template.
        pipeline: Logical name of the pipeline.
    """
    template.add_resource(
        secretsmanager.Secret(
            "WebhookSecret",
            Condition=USE_TOKEN,
            Description="Signs GitHub's calls of the pipeline's webhook.",
            GenerateSecretString=secretsmanager.GenerateSecretString(
                ExcludePunctuation=True, PasswordLength=40
            ),
            Metadata=accepted(
                CKV_AWS_149="The account's own key is enough for a secret that GitHub knows too.",
                CKV_AWS_174="Rotation takes GitHub's consent; docs/pipeline.md tells how.",
            ),
        )
    )
    template.add_resource(
        codepipeline.Webhook(
            "GitHubWebhook",
            Condition=USE_TOKEN,
            Authentication="GITHUB_HMAC",
            AuthenticationConfiguration=codepipeline.WebhookAuthConfiguration(
                SecretToken=Sub("{{resolve:secretsmanager:${WebhookSecret}:SecretString}}")
            ),
            Filters=[
                codepipeline.WebhookFilterRule(
                    JsonPath="$.ref", MatchEquals=Sub("refs/heads/${GitHubBranch}")
                )
            ],
            RegisterWithThirdParty=True,
            TargetAction=ACTION,
            TargetPipeline=Ref(pipeline),
            TargetPipelineVersion=GetAtt(pipeline, "Version"),
        )
    )


def _connection_action() -> codepipeline.Actions:
    return codepipeline.Actions(
        Name=ACTION,
        ActionTypeId=codepipeline.ActionTypeId(
            Category="Source", Owner="AWS", Provider="CodeStarSourceConnection", Version="1"
        ),
        Namespace=NAMESPACE,
        OutputArtifacts=[codepipeline.OutputArtifacts(Name=ARTIFACT)],
        Configuration={
            "ConnectionArn": SourceParameters.connection_arn.ref(),
            "FullRepositoryId": Join(
                "/", [SourceParameters.owner.ref(), SourceParameters.repository.ref()]
            ),
            "BranchName": SourceParameters.branch.ref(),
            # The trigger starts the pipeline; this would start it a second time, unfiltered.
            "DetectChanges": "false",
        },
    )


def _token_action() -> codepipeline.Actions:
    return codepipeline.Actions(
        Name=ACTION,
        ActionTypeId=codepipeline.ActionTypeId(
            Category="Source", Owner="ThirdParty", Provider="GitHub", Version="1"
        ),
        Namespace=NAMESPACE,
        OutputArtifacts=[codepipeline.OutputArtifacts(Name=ARTIFACT)],
        Configuration={
            "Owner": SourceParameters.owner.ref(),
            "Repo": SourceParameters.repository.ref(),
            "Branch": SourceParameters.branch.ref(),
            "OAuthToken": TOKEN_REFERENCE,
            "PollForSourceChanges": "false",
        },
    )
