from __future__ import annotations

from cfnlint.rules import CloudFormationLintRule

from deployment.rules.action_provider import ActionProvider
from deployment.rules.ascii_only import AsciiOnly
from deployment.rules.build_specification import BuildSpecification
from deployment.rules.code_build_image import CodeBuildImage
from deployment.rules.plain_text_secret import PlainTextSecret
from deployment.rules.private_health_check import PrivateHealthCheck
from deployment.rules.private_route import PrivateRoute
from deployment.rules.shell_default_in_sub import ShellDefaultInSub
from deployment.rules.template_size import TemplateSize
from deployment.rules.wildcard_action import WildcardAction

OWN_RULES: tuple[type[CloudFormationLintRule], ...] = (
    PrivateHealthCheck,
    WildcardAction,
    PrivateRoute,
    PlainTextSecret,
    ActionProvider,
    CodeBuildImage,
    BuildSpecification,
    ShellDefaultInSub,
    TemplateSize,
    AsciiOnly,
)
