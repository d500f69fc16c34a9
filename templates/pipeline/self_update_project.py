from __future__ import annotations

from typing import Any

from awacs import (
    cloudformation,
    codeconnections,
    codepipeline,
    codestar_connections,
    ecr,
    events,
    logs,
    s3,
    secretsmanager,
    sns,
)
from awacs import (
    codebuild as codebuild_actions,
)
from awacs import (
    iam as iam_actions,
)
from awacs.aws import Action, StringEquals
from troposphere import GetAtt, Ref, Template, codebuild

from templates.pipeline.artifact_store import ArtifactStore
from templates.pipeline.build_parameters import BuildParameters
from templates.pipeline.code_build_project import CodeBuildProject
from templates.pipeline.conditions import SELF_UPDATE, USE_CONNECTION, USE_TOKEN, when
from templates.pipeline.source_action import TOKEN_SECRET
from templates.pipeline.source_parameters import SourceParameters
from templates.pipeline.statements import ROLE_PATTERN, allow, arn

_OWN = "${AWS::StackName}-*"

_PIPELINE: list[Action] = [
    codepipeline.CreatePipeline,
    codepipeline.DisableStageTransition,
    codepipeline.EnableStageTransition,
    codepipeline.Action("GetPipeline*"),
    codepipeline.ListTagsForResource,
    codepipeline.StartPipelineExecution,
    codepipeline.TagResource,
    codepipeline.UntagResource,
    codepipeline.UpdatePipeline,
]

_WEBHOOK: list[Action] = [
    codepipeline.Action("*Webhook"),
    codepipeline.Action("*WebhookWithThirdParty"),
    codepipeline.ListWebhooks,
]

# Without creating or deleting: no run of the pipeline can lose images.
_REPOSITORY: list[Action] = [
    ecr.DescribeRepositories,
    ecr.GetLifecyclePolicy,
    ecr.GetRepositoryPolicy,
    ecr.ListTagsForResource,
    ecr.PutImageScanningConfiguration,
    ecr.PutImageTagMutability,
    ecr.PutLifecyclePolicy,
    ecr.TagResource,
    ecr.UntagResource,
]

_BUCKET: list[Action] = [
    s3.Action("GetBucket*"),
    s3.GetEncryptionConfiguration,
    s3.GetLifecycleConfiguration,
    s3.Action("PutBucket*"),
    s3.PutEncryptionConfiguration,
    s3.PutLifecycleConfiguration,
]

_TOPIC: list[Action] = [
    sns.Action("Get*"),
    sns.Action("List*"),
    sns.Action("Set*"),
    sns.Subscribe,
    sns.TagResource,
    sns.Unsubscribe,
    sns.UntagResource,
]

_RULES: list[Action] = [
    events.DeleteRule,
    events.DescribeRule,
    events.Action("List*"),
    events.PutRule,
    events.PutTargets,
    events.RemoveTargets,
    events.TagResource,
    events.UntagResource,
]

_LOGS: list[Action] = [
    logs.CreateLogGroup,
    logs.DeleteLogGroup,
    logs.DeleteRetentionPolicy,
    logs.ListTagsForResource,
    logs.PutRetentionPolicy,
    logs.TagResource,
    logs.UntagResource,
]

_PROJECTS: list[Action] = [
    codebuild_actions.BatchGetProjects,
    codebuild_actions.CreateProject,
    codebuild_actions.DeleteProject,
    codebuild_actions.UpdateProject,
]

_SECRET: list[Action] = [
    secretsmanager.DescribeSecret,
    secretsmanager.GetSecretValue,
    secretsmanager.TagResource,
    secretsmanager.UntagResource,
    secretsmanager.UpdateSecret,
]


SUFFIX = "self-update"

# Parameters that the configuration file does not name keep their values. The aws command takes
# NAME=value words only, in every version, so the file is turned into lists of these.
_BUILDSPEC = """\
version: 0.2
phases:
  build:
    commands:
      - >-
        python3 -c 'import json;
        given = json.load(open("LlmServiceCicdPipelineStack.configuration.json"));
        [json.dump([f"{k}={v}" for k, v in given[s].items()], open(f"{s}.json", "w"))
        for s in ("Parameters", "Tags")]'
      - >-
        aws cloudformation deploy --stack-name "$STACK_NAME"
        --template-file LlmServiceCicdPipelineStack.template.json
        --parameter-overrides file://Parameters.json --tags file://Tags.json
        --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset
        || { echo "If a role or a policy was to change, a person has to deploy this stack.
        See docs/pipeline.md, Changing the rights of the pipeline."; exit 1; }
"""


def add_self_update_project(template: Template, store: ArtifactStore) -> CodeBuildProject:
    """Adds the project that updates this stack with the template that the build wrote.

    Its role changes no role and no policy: whoever can push could otherwise give themselves any
    right that this role has. A change of rights fails the stage and is deployed by a person. That
    is also why CloudFormation is given no role of its own here: a stack keeps the role it was
    given, and then that person could not change rights either.
    """
    return CodeBuildProject(
        template,
        "SelfUpdateProject",
        Condition=SELF_UPDATE,
        suffix=SUFFIX,
        statements=[
            *store.statements(),
            _stack_statement(),
            *_resource_statements(),
            *_source_statements(),
            _pass_statement(),
        ],
        Description="Updates the pipeline's own stack.",
        Source=codebuild.Source(Type="CODEPIPELINE", BuildSpec=_BUILDSPEC),
        Environment=codebuild.Environment(
            Type="LINUX_CONTAINER",
            ComputeType="BUILD_GENERAL1_SMALL",
            Image=BuildParameters.image.ref(),
            EnvironmentVariables=CodeBuildProject.variables({"STACK_NAME": Ref("AWS::StackName")}),
        ),
        TimeoutInMinutes=30,
    )


def _stack_statement() -> Any:
    return allow(
        "OwnStack",
        [
            cloudformation.CreateChangeSet,
            cloudformation.DescribeChangeSet,
            cloudformation.DescribeStackEvents,
            cloudformation.DescribeStacks,
            cloudformation.ExecuteChangeSet,
            cloudformation.GetTemplateSummary,
        ],
        Ref("AWS::StackId"),
    )


def _resource_statements() -> list[Any]:
    return [
        allow("Pipeline", _PIPELINE, arn("codepipeline", "${AWS::StackName}")),
        allow("Projects", _PROJECTS, arn("codebuild", f"project/{_OWN}")),
        allow("Repository", _REPOSITORY, arn("ecr", "repository/${EcrRepositoryName}")),
        allow("Bucket", _BUCKET, GetAtt("ArtifactBucket", "Arn")),
        allow("Topic", _TOPIC, Ref("PipelineTopic")),
        allow("Rules", _RULES, arn("events", f"rule/{_OWN}")),
        allow("Logs", _LOGS, arn("logs", f"log-group:{_OWN}")),
        allow("LookAtLogs", [logs.DescribeLogGroups], "*"),
    ]


def _source_statements() -> list[Any]:
    return [
        when(USE_TOKEN, allow("Webhook", _WEBHOOK, arn("codepipeline", "webhook:*"))),
        when(USE_TOKEN, allow("WebhookSecret", _SECRET, Ref("WebhookSecret"))),
        # CloudFormation resolves the dynamic reference with this role.
        when(
            USE_TOKEN,
            allow(
                "Token",
                [secretsmanager.GetSecretValue],
                arn("secretsmanager", f"secret:{TOKEN_SECRET}-??????"),
            ),
        ),
        when(
            USE_CONNECTION,
            allow(
                "Connection",
                [codeconnections.PassConnection, codestar_connections.PassConnection],
                SourceParameters.connection_arn.ref(),
            ),
        ),
    ]


def _pass_statement() -> Any:
    return allow(
        "PassServiceRoles",
        [iam_actions.GetRole, iam_actions.PassRole],
        arn("iam", ROLE_PATTERN, region=""),
        StringEquals(
            {"iam:PassedToService": ["codebuild.amazonaws.com", "codepipeline.amazonaws.com"]}
        ),
    )
