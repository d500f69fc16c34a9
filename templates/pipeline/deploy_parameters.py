from __future__ import annotations

from templates.parameter import Parameter
from templates.parameter_group import ParameterGroup

_HEADING = "Deployment"

CHANGE_SET = "change-set"
REPLACE_ON_FAILURE = "replace-on-failure"


class DeployParameters(ParameterGroup):
    """What is deployed where, and who or what may stop it."""

    heading = _HEADING

    environment_name = Parameter(
        name="EnvironmentName",
        group=_HEADING,
        label="Environment",
        description="Chooses the configuration files config/<environment>.<stack>.json, and names"
        " the image tags deployed-<environment>-current, -next and -previous.",
        default="dev",
        allowed_pattern=r"^[a-z][a-z0-9]{0,15}$",
        constraint="Small letters and digits, a letter first: dev, prod, prodeu.",
    )
    infra_stack_name = Parameter(
        name="InfraStackName",
        group=_HEADING,
        label="Infrastructure stack",
        description="Name of the stack that the pipeline deploys.",
        default="LlmServiceInfraStack",
        # What the deploy role may touch is told by this prefix. IAM cuts the names that
        # CloudFormation makes at 64 characters, and a cut prefix would match nothing.
        allowed_pattern=r"^[A-Za-z][A-Za-z0-9-]{0,27}$",
        constraint="Up to 28 letters, digits and hyphens, a letter first.",
    )
    mode = Parameter(
        name="DeploymentMode",
        group=_HEADING,
        label="How to deploy",
        description="change-set shows what will change and then executes exactly that;"
        " replace-on-failure deploys at once and deletes and makes anew a stack that failed.",
        default=CHANGE_SET,
        allowed_values=(CHANGE_SET, REPLACE_ON_FAILURE),
    )
    approval = Parameter(
        name="ManualApproval",
        group=_HEADING,
        label="Ask before deploying",
        description="true waits for a person's yes, after the change set can be seen.",
        default="false",
        allowed_values=("false", "true"),
    )
    smoke_test = Parameter(
        name="SmokeTest",
        group=_HEADING,
        label="Smoke test",
        description="true streams one answer from inside the VPC after each deployment, and puts"
        " the previous image back when it does not come.",
        default="true",
        allowed_values=("true", "false"),
    )
    self_update = Parameter(
        name="SelfUpdate",
        group=_HEADING,
        label="Pipeline updates itself",
        description="true deploys a pushed change of this stack before the infrastructure; changes"
        " of its roles stay a person's task.",
        default="true",
        allowed_values=("true", "false"),
    )
