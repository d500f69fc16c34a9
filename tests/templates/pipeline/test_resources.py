"""The bucket, the topic, the logs and the build projects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from templates.smoke_test import LlmServiceSmokeTestStack
from tests.buildspec.checkout import ROOT
from tests.codebuild.buildspec import Buildspec
from tests.templates.pipeline.rendering import Rendering

Render = Callable[..., Rendering]


def test_the_bucket_is_closed_encrypted_versioned_and_kept(render: Render) -> None:
    bucket = render(ArtifactRetentionDays="7").resources["ArtifactBucket"]
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (lifecycle,) = properties["LifecycleConfiguration"]["Rules"]
    assert lifecycle["ExpirationInDays"] == "7"
    assert lifecycle["NoncurrentVersionExpiration"]["NoncurrentDays"] == 1
    assert lifecycle["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


def test_the_bucket_takes_no_plain_http_and_no_old_tls(render: Render) -> None:
    policy = render().properties("ArtifactBucketPolicy")["PolicyDocument"]
    conditions = [statement["Condition"] for statement in policy["Statement"]]
    assert {"Bool": {"aws:SecureTransport": "false"}} in conditions
    assert {"NumericLessThan": {"s3:TlsVersion": "1.2"}} in conditions
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Deny"
        assert statement["Action"] == ["s3:*"]
        assert statement["Resource"] == ["<ArtifactBucket.Arn>", "<ArtifactBucket.Arn>/*"]


def test_failed_stages_reach_the_topic_and_an_address(render: Render) -> None:
    rendering = render(NotificationEmail="ops@example.com")
    rule = rendering.properties("FailedStageRule")
    assert rule["EventPattern"] == {
        "source": ["aws.codepipeline"],
        "detail-type": ["CodePipeline Stage Execution State Change"],
        "detail": {"pipeline": ["LlmServiceCicdPipelineStack"], "state": ["FAILED"]},
    }
    (target,) = rule["Targets"]
    assert target["Arn"] == "<PipelineTopic>"
    transformer = target["InputTransformer"]
    for name in transformer["InputPathsMap"]:
        assert f"<{name}>" in transformer["InputTemplate"]
    (statement,) = rendering.properties("PipelineTopicPolicy")["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "<FailedStageRule.Arn>"}}
    assert rendering.properties("PipelineSubscription")["Endpoint"] == "ops@example.com"
    assert "PipelineSubscription" not in render().resources


@pytest.mark.parametrize("project", ["BuildProject", "DeployProject", "SelfUpdateProject"])
def test_every_project_logs_where_logs_end(render: Render, project: str) -> None:
    rendering = render(LogRetentionDays="7")
    logs = rendering.properties(project)["LogsConfig"]["CloudWatchLogs"]
    assert logs == {"Status": "ENABLED", "GroupName": f"<{project}Logs>"}
    assert rendering.properties(f"{project}Logs")["RetentionInDays"] == "7"


def test_only_the_build_has_a_docker_engine(render: Render) -> None:
    resources = render().resources
    privileged = {
        name
        for name, resource in resources.items()
        if resource["Type"] == "AWS::CodeBuild::Project"
        and resource["Properties"]["Environment"].get("PrivilegedMode")
    }
    assert privileged == {"BuildProject"}


def test_the_build_is_told_all_that_its_buildspec_reads(render: Render) -> None:
    properties = render().properties("BuildProject")
    assert properties["Source"] == {"Type": "CODEPIPELINE", "BuildSpec": "buildspec.yml"}
    given = {entry["Name"] for entry in properties["Environment"]["EnvironmentVariables"]}
    text = (ROOT / "buildspec.yml").read_text()
    assert [name for name in given if name not in text] == []


@pytest.mark.parametrize("path", ["buildspec.yml", "buildspec-deploy.yml"])
def test_the_repositorys_buildspecs_are_well_formed(path: str) -> None:
    assert Buildspec.read(ROOT / path).shell == "bash"


def test_the_buildspecs_inside_the_templates_are_well_formed(render: Render) -> None:
    smoke_test = LlmServiceSmokeTestStack().to_dict()["Resources"]["SmokeTest"]
    for properties in (smoke_test["Properties"], render().properties("SelfUpdateProject")):
        assert Buildspec(properties["Source"]["BuildSpec"]).commands("build")


def test_the_cpu_image_wants_its_index_and_the_rule_says_where_to_find_it(
    template: dict[str, Any],
) -> None:
    sentence = "PyTorch's installation page"
    for variants, url, refused in (
        ("cpu", "", True),
        ("cpu-and-cuda", "", True),
        ("cuda", "", False),
        ("cpu", "https://index.example/cpu", False),
    ):
        rendering = Rendering(
            template, GitHubOwner="someone", ImageVariants=variants, TorchIndexUrl=url
        )
        assert any(sentence in failed for failed in rendering.broken_rules()) is refused


def test_no_package_index_is_chosen_for_the_installer(template: dict[str, Any]) -> None:
    parameters = template["Parameters"]
    assert parameters["TorchIndexUrl"]["Default"] == ""
    assert parameters["CudaTorchIndexUrl"]["Default"] == ""
