from __future__ import annotations

from typing import Any

from tests.iam.resolver import Resolver

STACK_NAME = "LlmServiceCicdPipelineStack"


class Rendering(Resolver):
    """A template as CloudFormation would read it with given parameter values.

    What only a real deployment knows stays readable: Ref of a resource gives `<Name>`, GetAtt gives
    `<Name.Arn>`.

    Args:
        template: The template.
        parameters: Values that differ from the defaults.

    Raises:
        ValueError: A parameter is unknown.
    """

    def __init__(self, template: dict[str, Any], **parameters: str) -> None:
        unknown = set(parameters) - set(template["Parameters"])
        if unknown:
            raise ValueError(f"the template has no parameters {sorted(unknown)}")
        super().__init__(template, parameters, STACK_NAME)

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources that are made, by logical name."""
        return {
            name: self.resolve(resource)
            for name, resource in self.template["Resources"].items()
            if self.exists(name)
        }

    def properties(self, name: str) -> dict[str, Any]:
        """Returns the properties of a resource that is made."""
        properties: dict[str, Any] = self.resources[name]["Properties"]
        return properties

    def _ref(self, name: str) -> Any:
        if name in self.template["Resources"]:
            return f"<{name}>"
        kind = self.template["Parameters"].get(name, {}).get("Type", "")
        value = super()._ref(name)
        return value.split(",") if kind == "CommaDelimitedList" else value

    def _getatt(self, argument: Any) -> Any:
        return f"<{argument if isinstance(argument, str) else '.'.join(argument)}>"
