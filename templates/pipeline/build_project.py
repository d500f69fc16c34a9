from __future__ import annotations

from typing import Any

from awacs import codebuild as codebuild_actions
from troposphere import Template, codebuild

from templates.pipeline.artifact_store import ArtifactStore
from templates.pipeline.build_parameters import BuildParameters
from templates.pipeline.code_build_project import CodeBuildProject
from templates.pipeline.deploy_parameters import DeployParameters
from templates.pipeline.findings import accepted
from templates.pipeline.image_parameters import ImageParameters
from templates.pipeline.image_repository import ImageRepository
from templates.pipeline.statements import allow, arn

SUFFIX = "build"


def add_build_project(
    template: Template, store: ArtifactStore, repository: ImageRepository
) -> CodeBuildProject:
    """Adds the project that runs buildspec.yml: build, test, generate, push."""
    return CodeBuildProject(
        template,
        "BuildProject",
        suffix=SUFFIX,
        statements=[
            *store.statements(),
            repository.login_statement(),
            repository.push_statement(),
            allow(
                "TestReports",
                [
                    codebuild_actions.BatchPutTestCases,
                    codebuild_actions.CreateReport,
                    codebuild_actions.CreateReportGroup,
                    codebuild_actions.UpdateReport,
                ],
                arn("codebuild", f"report-group/${{AWS::StackName}}-{SUFFIX}-*"),
            ),
        ],
        Description="Builds, tests and pushes the image; writes the templates.",
        Source=codebuild.Source(Type="CODEPIPELINE", BuildSpec="buildspec.yml"),
        Environment=codebuild.Environment(
            Type="LINUX_CONTAINER",
            ComputeType=BuildParameters.compute_type.ref(),
            Image=BuildParameters.image.ref(),
            PrivilegedMode=True,
            EnvironmentVariables=CodeBuildProject.variables(_variables(repository)),
        ),
        # Hosts come and go, so these caches only help; the image's layers come from ECR anyway.
        Cache=codebuild.ProjectCache(
            Type="LOCAL", Modes=["LOCAL_DOCKER_LAYER_CACHE", "LOCAL_CUSTOM_CACHE"]
        ),
        TimeoutInMinutes=BuildParameters.timeout_minutes.ref(),
        Metadata=accepted(CKV_AWS_316="Building an image takes a Docker engine."),
    )


def _variables(repository: ImageRepository) -> dict[str, Any]:
    return {
        "ECR_REPOSITORY_URI": repository.uri,
        "ECR_REPOSITORY_NAME": ImageParameters.repository_name.ref(),
        "PYTHON_VERSION": ImageParameters.python_version.ref(),
        "TORCH_VERSION": ImageParameters.torch_version.ref(),
        "CPU_TORCH_INDEX_URL": ImageParameters.torch_index_url.ref(),
        "CUDA_TORCH_INDEX_URL": ImageParameters.cuda_torch_index_url.ref(),
        "ENVIRONMENT_NAME": DeployParameters.environment_name.ref(),
    }
