from __future__ import annotations

from typing import Any

from awacs import codebuild as codebuild_actions
from awacs import logs as logs_actions
from troposphere import GetAtt, Ref, Sub, Template, codebuild, iam, logs

from templates.pipeline.findings import accepted
from templates.pipeline.operations_parameters import PipelineOperationsParameters
from templates.pipeline.statements import ROLE_PATH, allow, arn, document, trust


class CodeBuildProject:
    """A CodeBuild project that the pipeline runs, with its role and its log group.

    Attributes:
        name: Logical name; its role and log group are called after it.
        physical_name: The project's name, told by the stack's, so that policies can be exact
            without a circle of references.
    """

    def __init__(
        self,
        template: Template,
        name: str,
        *,
        suffix: str,
        statements: list[Any],
        **properties: Any,
    ) -> None:
        """Adds the project.

        Args:
            template: The stack's template.
            name: Logical name.
            suffix: What follows the stack's name in the project's.
            statements: Rights beyond writing the log.
            properties: Further properties of AWS::CodeBuild::Project; `Condition` covers the role
                and the log group too.
        """
        self.name = name
        self.physical_name = Sub(f"${{AWS::StackName}}-{suffix}")
        condition = {"Condition": properties["Condition"]} if "Condition" in properties else {}
        template.add_resource(
            logs.LogGroup(
                f"{name}Logs",
                RetentionInDays=PipelineOperationsParameters.log_retention_days.ref(),
                Metadata=accepted(
                    CKV_AWS_158="Encrypted by the service's own key; holds no secrets."
                ),
                **condition,
            )
        )
        template.add_resource(
            iam.Role(
                f"{name}Role",
                Path=ROLE_PATH,
                AssumeRolePolicyDocument=trust("codebuild.amazonaws.com"),
                Policies=[
                    iam.Policy(
                        PolicyName=name,
                        PolicyDocument=document([self._log_statement(), *statements]),
                    )
                ],
                **condition,
            )
        )
        template.add_resource(
            codebuild.Project(
                name,
                Name=self.physical_name,
                ServiceRole=GetAtt(f"{name}Role", "Arn"),
                Artifacts=codebuild.Artifacts(Type="CODEPIPELINE"),
                LogsConfig=codebuild.LogsConfig(
                    CloudWatchLogs=codebuild.CloudWatchLogs(
                        Status="ENABLED", GroupName=Ref(f"{name}Logs")
                    )
                ),
                **properties,
            )
        )

    @property
    def log_group(self) -> Ref:
        """Name of the log group."""
        return Ref(f"{self.name}Logs")

    @staticmethod
    def run_statement(sid: str, suffixes: list[str]) -> Any:
        """Returns the rights to start and watch builds of projects of this stack."""
        return allow(
            sid,
            [codebuild_actions.BatchGetBuilds, codebuild_actions.StartBuild],
            [arn("codebuild", f"project/${{AWS::StackName}}-{suffix}") for suffix in suffixes],
        )

    @staticmethod
    def variables(values: dict[str, Any]) -> list[Any]:
        """Returns environment variables of a project by name."""
        return [
            codebuild.EnvironmentVariable(Name=name, Type="PLAINTEXT", Value=value)
            for name, value in values.items()
        ]

    def _log_statement(self) -> Any:
        return allow(
            "WriteLogs",
            [logs_actions.CreateLogStream, logs_actions.PutLogEvents],
            GetAtt(f"{self.name}Logs", "Arn"),
        )
