from __future__ import annotations

import json
from typing import Any

from troposphere import If, Ref, Sub, codepipeline

from templates.pipeline.code_build_project import CodeBuildProject
from templates.pipeline.conditions import (
    BUILD_BOTH,
    BUILD_CPU,
    NEEDS_APPROVAL,
    SELF_UPDATE,
    SMOKE_TEST,
    USE_CHANGE_SET,
    when,
)
from templates.pipeline.deploy_parameters import DeployParameters
from templates.pipeline.image_parameters import ImageParameters
from templates.pipeline.infra_deploy_role import InfraDeployRole
from templates.pipeline.notifications import Notifications
from templates.pipeline.role_boundary import RoleBoundary
from templates.pipeline.source_action import ARTIFACT as SOURCE_ARTIFACT
from templates.pipeline.source_action import NAMESPACE as SOURCE_NAMESPACE
from templates.pipeline.source_action import source_actions

BUILD_ARTIFACT = "BuildOutput"
BUILD_NAMESPACE = "BuildVariables"
INFRA_NAMESPACE = "InfraVariables"
CHANGE_SET_NAME = "pipeline"

# Order of the Deploy stage. What shares a number never runs in the same configuration, except
# that nothing depends on its neighbours there.
_PREPARE, _APPROVE, _SHIELD, _EXECUTE, _SMOKE_STACK, _VERIFY = range(1, 7)


def source_stage() -> codepipeline.Stages:
    """Returns the stage that fetches the commit."""
    return codepipeline.Stages(Name="Source", Actions=source_actions())


def build_stage(project: CodeBuildProject) -> codepipeline.Stages:
    """Returns the stage that builds the images, one action an image."""
    main_variant = If(BUILD_CPU, _variables(variant="cpu"), _variables(variant="cuda"))
    return codepipeline.Stages(
        Name="Build",
        Actions=[
            _build_action("Build", project, main_variant, BUILD_ARTIFACT, BUILD_NAMESPACE),
            when(
                BUILD_BOTH,
                _build_action(
                    "BuildCuda", project, _variables(variant="cuda"), "CudaBuildOutput", None
                ),
            ),
        ],
    )


def self_update_stage(project: CodeBuildProject) -> Any:
    """Returns the stage that updates the pipeline's own stack, or nothing."""
    action = codepipeline.Actions(
        Name="UpdatePipeline",
        ActionTypeId=_type("Build", "CodeBuild"),
        InputArtifacts=[codepipeline.InputArtifacts(Name=BUILD_ARTIFACT)],
        Configuration={"ProjectName": Ref(project.name)},
    )
    return when(SELF_UPDATE, codepipeline.Stages(Name="UpdatePipeline", Actions=[action]))


class DeployStage:
    """The stage that deploys the infrastructure, checks it, and takes a bad image back."""

    def __init__(
        self,
        *,
        deploy_role: InfraDeployRole,
        boundary: RoleBoundary,
        project: CodeBuildProject,
        notifications: Notifications,
    ) -> None:
        self._deploy_role = deploy_role
        self._boundary = boundary
        self._project = project
        self._notifications = notifications

    def declaration(self) -> codepipeline.Stages:
        """Returns the stage with its actions in the order in which they run."""
        return codepipeline.Stages(
            Name="Deploy",
            Actions=[
                when(USE_CHANGE_SET, self._create_change_set()),
                when(NEEDS_APPROVAL, self._approval()),
                self._project_action("ShieldImages", _SHIELD, "shield"),
                If(USE_CHANGE_SET, self._execute_change_set(), self._deploy()),
                when(SMOKE_TEST, self._smoke_test_stack()),
                self._project_action("Verify", _VERIFY, "verify"),
            ],
        )

    def _create_change_set(self) -> codepipeline.Actions:
        return self._stack_action(
            "CreateChangeSet",
            _PREPARE,
            None,
            {
                "ActionMode": "CHANGE_SET_REPLACE",
                "ChangeSetName": CHANGE_SET_NAME,
                **self._infra_configuration(),
            },
        )

    def _approval(self) -> codepipeline.Actions:
        return codepipeline.Actions(
            Name="Approve",
            ActionTypeId=_type("Approval", "Manual"),
            RunOrder=_APPROVE,
            Configuration={
                "NotificationArn": self._notifications.topic,
                "ExternalEntityLink": Sub(
                    "https://${AWS::Region}.console.aws.amazon.com/cloudformation/home?region="
                    "${AWS::Region}#/stacks?filteringText=${InfraStackName}"
                ),
                "CustomData": f"Image #{{{BUILD_NAMESPACE}.IMAGE_TAG}}. The change set"
                f" {CHANGE_SET_NAME} of the stack shows what will change.",
            },
        )

    def _execute_change_set(self) -> codepipeline.Actions:
        return self._stack_action(
            "ExecuteChangeSet",
            _EXECUTE,
            INFRA_NAMESPACE,
            {
                "ActionMode": "CHANGE_SET_EXECUTE",
                "ChangeSetName": CHANGE_SET_NAME,
                "StackName": DeployParameters.infra_stack_name.ref(),
            },
        )

    def _deploy(self) -> codepipeline.Actions:
        return self._stack_action(
            "Deploy",
            _EXECUTE,
            INFRA_NAMESPACE,
            {"ActionMode": "REPLACE_ON_FAILURE", **self._infra_configuration()},
        )

    def _infra_configuration(self) -> dict[str, Any]:
        # CodePipeline takes 1 KB of overrides; all else is in the configuration file.
        overrides = (
            f'{{"ImageTag":"#{{{BUILD_NAMESPACE}.IMAGE_TAG}}","EcrRepositoryName":"${{Repository}}",'
            '"PermissionsBoundaryArn":"${Boundary}"}'
        )
        return {
            "StackName": DeployParameters.infra_stack_name.ref(),
            "TemplatePath": f"{BUILD_ARTIFACT}::LlmServiceInfraStack.template.json",
            "TemplateConfiguration": f"{BUILD_ARTIFACT}::LlmServiceInfraStack.configuration.json",
            "Capabilities": "CAPABILITY_IAM",
            "RoleArn": self._deploy_role.arn,
            "ParameterOverrides": Sub(
                overrides,
                Repository=ImageParameters.repository_name.ref(),
                Boundary=self._boundary.arn,
            ),
        }

    def _smoke_test_stack(self) -> codepipeline.Actions:
        overrides = (
            '{"VpcId":"#{InfraVariables.VpcId}",'
            '"SubnetIds":"#{InfraVariables.SubnetIds}",'
            '"SecurityGroupId":"#{InfraVariables.ClientSecurityGroupId}",'
            '"ServiceAddress":"#{InfraVariables.EndpointName}:50051",'
            '"EcrRepositoryName":"${Repository}","PermissionsBoundaryArn":"${Boundary}"}'
        )
        return self._stack_action(
            "SmokeTestStack",
            _SMOKE_STACK,
            None,
            {
                "ActionMode": "REPLACE_ON_FAILURE",
                "StackName": Sub("${InfraStackName}-smoke"),
                "TemplatePath": f"{BUILD_ARTIFACT}::LlmServiceSmokeTestStack.template.json",
                "Capabilities": "CAPABILITY_IAM",
                "RoleArn": self._deploy_role.arn,
                "ParameterOverrides": Sub(
                    overrides,
                    Repository=ImageParameters.repository_name.ref(),
                    Boundary=self._boundary.arn,
                ),
            },
        )

    def _project_action(self, name: str, order: int, step: str) -> codepipeline.Actions:
        return codepipeline.Actions(
            Name=name,
            ActionTypeId=_type("Build", "CodeBuild"),
            RunOrder=order,
            InputArtifacts=[codepipeline.InputArtifacts(Name=SOURCE_ARTIFACT)],
            Configuration={
                "ProjectName": Ref(self._project.name),
                "EnvironmentVariables": _variables(
                    step=step, image_tag=f"#{{{BUILD_NAMESPACE}.IMAGE_TAG}}"
                ),
            },
        )

    def _stack_action(
        self, name: str, order: int, namespace: str | None, configuration: dict[str, Any]
    ) -> codepipeline.Actions:
        return codepipeline.Actions(
            Name=name,
            ActionTypeId=_type("Deploy", "CloudFormation"),
            RunOrder=order,
            InputArtifacts=[codepipeline.InputArtifacts(Name=BUILD_ARTIFACT)],
            Configuration=configuration,
            **({} if namespace is None else {"Namespace": namespace}),
        )


def _build_action(
    name: str, project: CodeBuildProject, variables: Any, artifact: str, namespace: str | None
) -> codepipeline.Actions:
    return codepipeline.Actions(
        Name=name,
        ActionTypeId=_type("Build", "CodeBuild"),
        InputArtifacts=[codepipeline.InputArtifacts(Name=SOURCE_ARTIFACT)],
        OutputArtifacts=[codepipeline.OutputArtifacts(Name=artifact)],
        Configuration={"ProjectName": Ref(project.name), "EnvironmentVariables": variables},
        **({} if namespace is None else {"Namespace": namespace}),
    )


def _variables(**values: str) -> str:
    if "variant" in values:
        values = {
            "image_variant": values["variant"],
            "commit_id": f"#{{{SOURCE_NAMESPACE}.CommitId}}",
        }
    return json.dumps(
        [
            {"name": name.upper(), "value": value, "type": "PLAINTEXT"}
            for name, value in values.items()
        ],
        separators=(",", ":"),
    )


def _type(category: str, provider: str) -> codepipeline.ActionTypeId:
    return codepipeline.ActionTypeId(Category=category, Owner="AWS", Provider=provider, Version="1")
