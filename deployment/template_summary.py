from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployment.aws import Aws


@dataclass(frozen=True)
class TemplateParameter:
    """A parameter as CloudFormation reads it from a template.

    Attributes:
        key: Name.
        default: Default value; None makes the parameter required.
        description: Sentence for people.
        no_echo: Whether CloudFormation hides the value.
        allowed_values: The only values accepted; empty accepts any.
    """

    key: str
    default: str | None = None
    description: str = ""
    no_echo: bool = False
    allowed_values: tuple[str, ...] = ()


@dataclass(frozen=True)
class TemplateSummary:
    """What CloudFormation says of a template before it is used.

    Attributes:
        parameters: Parameters by name.
        capabilities: Capabilities that the template needs acknowledged.
    """

    parameters: Mapping[str, TemplateParameter]
    capabilities: tuple[str, ...]

    @classmethod
    def ask(cls, aws: Aws, template: Mapping[str, Any]) -> TemplateSummary:
        """Asks CloudFormation, which also tells whether the template is valid at all.

        Args:
            aws: Account and region.
            template: TemplateBody, TemplateURL or StackName.
        """
        answer = aws.client("cloudformation").get_template_summary(**template)
        capabilities = set(answer.get("Capabilities", ()))
        if answer.get("DeclaredTransforms"):
            # A macro may add anything, so CloudFormation wants it acknowledged too.
            capabilities.add("CAPABILITY_AUTO_EXPAND")
        return cls(
            parameters={
                entry["ParameterKey"]: TemplateParameter(
                    key=entry["ParameterKey"],
                    default=entry.get("DefaultValue"),
                    description=entry.get("Description", ""),
                    no_echo=bool(entry.get("NoEcho", False)),
                    allowed_values=tuple(
                        entry.get("ParameterConstraints", {}).get("AllowedValues", ())
                    ),
                )
                for entry in answer.get("Parameters", ())
            },
            capabilities=tuple(sorted(capabilities)),
        )
