from __future__ import annotations

import json
from typing import Any

import pytest

from templates.infra import LlmServiceInfraStack
from tests.iam.resolver import Resolver

Template = dict[str, Any]


@pytest.fixture(scope="session")
def template() -> Template:
    """The emitted template, read back from its text."""
    emitted: Template = json.loads(LlmServiceInfraStack().to_json())
    return emitted


class Deployed:
    """The template as a deployment with some parameters makes it.

    Attributes:
        resolver: Resolves the template's functions.
        resources: Resources whose condition holds, with resolved properties.
    """

    def __init__(self, template: Template, **parameters: str) -> None:
        self.resolver = Resolver(template, parameters, "LlmServiceInfraStack")
        self.resources: dict[str, dict[str, Any]] = {
            name: {
                **resource,
                "Properties": self.resolver.resolve(resource.get("Properties", {})),
            }
            for name, resource in template["Resources"].items()
            if self.resolver.exists(name)
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Returns the properties of the resources of a type, by logical name."""
        return {
            name: resource["Properties"]
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def properties(self, name: str) -> Any:
        """Returns a resource's resolved properties."""
        return self.resources[name]["Properties"]

    @property
    def launch_template(self) -> Any:
        """The launch template's data."""
        return self.properties("LaunchTemplate")["LaunchTemplateData"]

    @property
    def user_data(self) -> str:
        """The user data script as an instance gets it."""
        return str(self.launch_template["UserData"])


@pytest.fixture(scope="session")
def deploy(template: Template) -> Any:
    """Returns a function from parameters to the deployed template."""

    def deploy_with(**parameters: str) -> Deployed:
        return Deployed(template, **parameters)

    return deploy_with
