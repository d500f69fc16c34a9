"""Where the pipeline's source comes from, and how a push starts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.templates.pipeline.conftest import CONNECTION
from tests.templates.pipeline.rendering import Rendering

Render = Callable[..., Rendering]

TOKEN = "{{resolve:secretsmanager:deepseek-llm-service-pat:SecretString:github-token}}"


def source_action(rendering: Rendering) -> dict[str, Any]:
    (action,) = rendering.properties("Pipeline")["Stages"][0]["Actions"]
    assert action["Name"] == "Source"
    return dict(action)


def test_without_a_connection_the_token_is_read_from_its_secret(render: Render) -> None:
    action = source_action(render(GitHubRepository="llm", GitHubBranch="release"))
    assert action["ActionTypeId"] == {
        "Category": "Source",
        "Owner": "ThirdParty",
        "Provider": "GitHub",
        "Version": "1",
    }
    assert action["Configuration"] == {
        "Owner": "someone",
        "Repo": "llm",
        "Branch": "release",
        "OAuthToken": TOKEN,
        "PollForSourceChanges": "false",
    }


def test_the_webhook_has_a_secret_of_its_own(render: Render) -> None:
    rendering = render(GitHubBranch="release")
    webhook = rendering.properties("GitHubWebhook")
    assert webhook["Authentication"] == "GITHUB_HMAC"
    assert webhook["AuthenticationConfiguration"]["SecretToken"] == (
        "{{resolve:secretsmanager:<WebhookSecret>:SecretString}}"
    )
    assert rendering.properties("WebhookSecret")["GenerateSecretString"]["PasswordLength"] >= 32
    assert webhook["Filters"] == [{"JsonPath": "$.ref", "MatchEquals": "refs/heads/release"}]
    assert webhook["RegisterWithThirdParty"] is True
    assert webhook["TargetAction"] == "Source"


def test_a_connection_takes_the_place_of_token_and_webhook(render: Render) -> None:
    rendering = render(ConnectionArn=CONNECTION, GitHubRepository="llm", GitHubBranch="release")
    action = source_action(rendering)
    assert action["ActionTypeId"]["Provider"] == "CodeStarSourceConnection"
    assert action["Configuration"] == {
        "ConnectionArn": CONNECTION,
        "FullRepositoryId": "someone/llm",
        "BranchName": "release",
        "DetectChanges": "false",
    }
    assert not {"GitHubWebhook", "WebhookSecret"} & set(rendering.resources)
    assert "resolve:secretsmanager" not in str(rendering.resources)


def test_a_connection_filters_pushes_by_branch_and_path(render: Render) -> None:
    rendering = render(ConnectionArn=CONNECTION, IgnoredPaths="docs/**,*.md", GitHubBranch="dev")
    (trigger,) = rendering.properties("Pipeline")["Triggers"]
    assert trigger["ProviderType"] == "CodeStarSourceConnection"
    assert trigger["GitConfiguration"] == {
        "SourceActionName": "Source",
        "Push": [
            {"Branches": {"Includes": ["dev"]}, "FilePaths": {"Excludes": ["docs/**", "*.md"]}}
        ],
    }


def test_triggers_are_for_connections_only(render: Render) -> None:
    assert "Triggers" not in render().properties("Pipeline")


@pytest.mark.parametrize("connection", ["", CONNECTION])
def test_the_type_that_knows_filters_and_variables(render: Render, connection: str) -> None:
    assert render(ConnectionArn=connection).properties("Pipeline")["PipelineType"] == "V2"


def test_a_rotation_changes_the_pipeline_and_so_reads_the_secrets_again(render: Render) -> None:
    before, after = render(), render(SecretRotation="2026-11-25")
    assert before.properties("Pipeline") != after.properties("Pipeline")
    # The webhook names the pipeline's version, which counts up with each change.
    assert before.properties("GitHubWebhook")["TargetPipelineVersion"] == "<Pipeline.Version>"


def test_the_owner_must_be_given(template: dict[str, Any]) -> None:
    (sentence,) = [s for s in Rendering(template).broken_rules() if "GitHubOwner" in s]
    assert "github.com/owner/repository" in sentence
