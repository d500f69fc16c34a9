from __future__ import annotations

from typing import Any

from troposphere import And, Condition, Equals, If, Not, NoValue

from templates.pipeline.deploy_parameters import CHANGE_SET, DeployParameters
from templates.pipeline.image_parameters import ImageParameters
from templates.pipeline.operations_parameters import PipelineOperationsParameters
from templates.pipeline.source_parameters import SourceParameters

# Names of the stack's conditions.
USE_CONNECTION = "UseConnection"
USE_TOKEN = "UseToken"  # noqa: S105  (a condition's name)
CREATE_REPOSITORY = "CreateRepository"
BUILD_CPU = "BuildCpu"
BUILD_CUDA = "BuildCuda"
BUILD_BOTH = "BuildBoth"
USE_CHANGE_SET = "UseChangeSet"
NEEDS_APPROVAL = "NeedsApproval"
SMOKE_TEST = "RunSmokeTest"
SELF_UPDATE = "UpdateItself"
HAS_EMAIL = "HasEmail"


def when(condition: str, value: Any) -> If:
    """Returns the value where the condition holds, and nothing where it does not."""
    return If(condition, value, NoValue)


def pipeline_conditions() -> dict[str, Any]:
    """Returns the conditions of LlmServiceCicdPipelineStack by name."""
    variants = ImageParameters.variants.ref()
    no_connection = SourceParameters.connection_arn.is_empty()
    return {
        USE_CONNECTION: Not(no_connection),
        USE_TOKEN: no_connection,
        CREATE_REPOSITORY: Equals(ImageParameters.create_repository.ref(), "true"),
        BUILD_CPU: Not(Equals(variants, "cuda")),
        BUILD_CUDA: Not(Equals(variants, "cpu")),
        BUILD_BOTH: And(Condition(BUILD_CPU), Condition(BUILD_CUDA)),
        USE_CHANGE_SET: Equals(DeployParameters.mode.ref(), CHANGE_SET),
        NEEDS_APPROVAL: Equals(DeployParameters.approval.ref(), "true"),
        SMOKE_TEST: Equals(DeployParameters.smoke_test.ref(), "true"),
        SELF_UPDATE: Equals(DeployParameters.self_update.ref(), "true"),
        HAS_EMAIL: Not(PipelineOperationsParameters.notification_email.is_empty()),
    }
