from __future__ import annotations

from typing import Any

from troposphere import GetAtt, Output, Ref

from templates.pipeline.artifact_store import ArtifactStore
from templates.pipeline.build_parameters import BuildParameters
from templates.pipeline.build_project import add_build_project
from templates.pipeline.conditions import USE_TOKEN, pipeline_conditions
from templates.pipeline.delivery_pipeline import DeliveryPipeline, console_url
from templates.pipeline.deploy_parameters import DeployParameters
from templates.pipeline.deploy_project import add_deploy_project
from templates.pipeline.image_parameters import ImageParameters
from templates.pipeline.image_repository import ImageRepository
from templates.pipeline.infra_deploy_role import InfraDeployRole
from templates.pipeline.notifications import Notifications
from templates.pipeline.operations_parameters import PipelineOperationsParameters
from templates.pipeline.role_boundary import RoleBoundary
from templates.pipeline.rules import pipeline_rules
from templates.pipeline.self_update_project import add_self_update_project
from templates.pipeline.source_action import add_webhook
from templates.pipeline.source_parameters import SourceParameters
from templates.pipeline.stages import (
    DeployStage,
    build_stage,
    self_update_stage,
    source_stage,
)
from templates.stack import Stack


class LlmServiceCicdPipelineStack(Stack):
    """From a push to a healthy fleet: repository, builds, and the pipeline that deploys."""

    name = "LlmServiceCicdPipelineStack"
    description = "LLM service: image repository and the pipeline from a push to a healthy fleet."

    def build(self) -> None:
        """Adds the stack's parameters, rules, conditions, resources and outputs."""
        self._add_declarations()
        store = ArtifactStore(self.template)
        repository = ImageRepository(self.template)
        boundary = RoleBoundary(self.template)
        deploy_role = InfraDeployRole(self.template, boundary)
        notifications = Notifications(self.template, DeliveryPipeline.physical_name())

        build = add_build_project(self.template, store, repository)
        self_update = add_self_update_project(self.template, store)
        deploy = add_deploy_project(self.template, store, repository)

        deploy_stage = DeployStage(
            deploy_role=deploy_role,
            boundary=boundary,
            project=deploy,
            notifications=notifications,
        )
        DeliveryPipeline(
            self.template,
            store=store,
            stages=[
                source_stage(),
                build_stage(build),
                self_update_stage(self_update),
                deploy_stage.declaration(),
            ],
            deploy_roles=[deploy_role.arn],
            notifications=notifications,
        )
        add_webhook(self.template, DeliveryPipeline.name)
        self._add_outputs(repository, deploy_role, boundary)

    def _add_declarations(self) -> None:
        for group in (
            SourceParameters,
            ImageParameters,
            BuildParameters,
            DeployParameters,
            PipelineOperationsParameters,
        ):
            self.add_parameters(group.all())
        for name, rule in pipeline_rules().items():
            self.template.add_rule(name, rule)
        for name, condition in pipeline_conditions().items():
            self.template.add_condition(name, condition)

    def _add_outputs(
        self, repository: ImageRepository, deploy_role: InfraDeployRole, boundary: RoleBoundary
    ) -> None:
        self._add_output("PipelineUrl", "The pipeline in the console.", console_url())
        self._add_output("RepositoryUri", "Where the images are, without a tag.", repository.uri)
        self._add_output(
            "InfraDeployRoleArn", "Role with which CloudFormation deploys.", deploy_role.arn
        )
        self._add_output(
            "RoleBoundaryArn", "Boundary that the infrastructure's roles must carry.", boundary.arn
        )
        self._add_output("TopicArn", "Topic of failed stages.", Ref("PipelineTopic"))
        self._add_output("ArtifactBucketName", "Bucket of the artifacts.", Ref("ArtifactBucket"))
        self._add_output(
            "WebhookUrl", "What GitHub calls on a push.", GetAtt("GitHubWebhook", "Url"), USE_TOKEN
        )

    def _add_output(
        self, name: str, description: str, value: Any, condition: str | None = None
    ) -> None:
        given = {} if condition is None else {"Condition": condition}
        self.template.add_output(Output(name, Description=description, Value=value, **given))
