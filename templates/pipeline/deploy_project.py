from __future__ import annotations

from typing import Any

from awacs import cloudformation as cloudformation_actions
from awacs import codebuild as codebuild_actions
from troposphere import Sub, Template, codebuild

from templates.pipeline.artifact_store import ArtifactStore
from templates.pipeline.build_parameters import BuildParameters
from templates.pipeline.code_build_project import CodeBuildProject
from templates.pipeline.deploy_parameters import DeployParameters
from templates.pipeline.image_parameters import ImageParameters
from templates.pipeline.image_repository import ImageRepository
from templates.pipeline.statements import allow, arn

SUFFIX = "deploy"


def add_deploy_project(
    template: Template, store: ArtifactStore, repository: ImageRepository
) -> CodeBuildProject:
    """Adds the project that runs buildspec-deploy.yml around a deployment.

    It shields the images that are in use, has the smoke test run, and puts the previous image
    back. It stands outside the VPC on purpose: a deployment that cuts the VPC off must not take
    the way back with it.
    """
    return CodeBuildProject(
        template,
        "DeployProject",
        suffix=SUFFIX,
        statements=[
            *store.statements(),
            repository.tag_statement(),
            allow(
                "SmokeTest",
                [codebuild_actions.BatchGetBuilds, codebuild_actions.StartBuild],
                arn("codebuild", "project/${InfraStackName}-smoke-test"),
            ),
            # Without iam:PassRole: CloudFormation goes on with the role that the stack has.
            allow(
                "PutPreviousImageBack",
                [cloudformation_actions.DescribeStacks, cloudformation_actions.UpdateStack],
                arn("cloudformation", "stack/${InfraStackName}/*"),
            ),
        ],
        Description="Shields deployed images, runs the smoke test, puts the previous image back.",
        Source=codebuild.Source(Type="CODEPIPELINE", BuildSpec="buildspec-deploy.yml"),
        Environment=codebuild.Environment(
            Type="LINUX_CONTAINER",
            ComputeType="BUILD_GENERAL1_SMALL",
            Image=BuildParameters.image.ref(),
            EnvironmentVariables=CodeBuildProject.variables(_variables()),
        ),
        # A roll-back takes as long as a roll-out: an hour at most.
        TimeoutInMinutes=120,
    )


def _variables() -> dict[str, Any]:
    return {
        "ECR_REPOSITORY_NAME": ImageParameters.repository_name.ref(),
        "ENVIRONMENT_NAME": DeployParameters.environment_name.ref(),
        "IMAGE_VARIANTS": ImageParameters.variants.ref(),
        "INFRA_STACK_NAME": DeployParameters.infra_stack_name.ref(),
        "SMOKE_TEST": DeployParameters.smoke_test.ref(),
        "SMOKE_TEST_PROJECT": Sub("${InfraStackName}-smoke-test"),
    }
