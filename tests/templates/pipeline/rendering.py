from __future__ import annotations

import re
from typing import Any

ACCOUNT = "123456789012"
REGION = "eu-west-1"
STACK_NAME = "LlmServiceCicdPipelineStack"
STACK_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK_NAME}/0a1b2c3d"

_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": STACK_ID,
    "AWS::StackName": STACK_NAME,
    "AWS::URLSuffix": "amazonaws.com",
}
_PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")


class _Absent:
    """What AWS::NoValue leaves: nothing."""


ABSENT = _Absent()


class Rendering:
    """A template as CloudFormation would read it with given parameter values.

    Conditions, Fn::If, Fn::Sub, Fn::Join and Ref of parameters are worked out. What only a real
    deployment knows stays readable: Ref of a resource gives `<Name>`, GetAtt gives `<Name.Arn>`.

    Args:
        template: The template.
        parameters: Values that differ from the defaults.

    Raises:
        ValueError: A parameter is unknown or has no value.
    """

    def __init__(self, template: dict[str, Any], **parameters: str) -> None:
        unknown = set(parameters) - set(template["Parameters"])
        if unknown:
            raise ValueError(f"the template has no parameters {sorted(unknown)}")
        self._template = template
        self._values = {
            name: str(parameters.get(name, definition.get("Default")))
            for name, definition in template["Parameters"].items()
        }

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources that are made, by logical name."""
        return {
            name: self.resolve(resource)
            for name, resource in self._template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    @property
    def failed_rules(self) -> list[str]:
        """The sentences of the assertions that do not hold."""
        return [
            assertion["AssertDescription"]
            for rule in self._template.get("Rules", {}).values()
            if self._test(rule.get("RuleCondition", {"Fn::Equals": ["", ""]}))
            for assertion in rule["Assertions"]
            if not self._test(assertion["Assert"])
        ]

    def properties(self, name: str) -> dict[str, Any]:
        """Returns the properties of a resource that is made."""
        properties: dict[str, Any] = self.resources[name]["Properties"]
        return properties

    def holds(self, condition: str) -> bool:
        """Returns whether a condition of the template holds."""
        return self._test(self._template["Conditions"][condition])

    def resolve(self, value: Any) -> Any:
        """Returns a value with its intrinsics worked out and absent entries left out."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (key, argument), *_ = value.items()
            intrinsic = getattr(self, "_" + key.removeprefix("Fn::").lower(), None)
            if key in ("Ref", "Fn::If", "Fn::Sub", "Fn::Join", "Fn::GetAtt") and intrinsic:
                return intrinsic(argument)
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not ABSENT}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return ABSENT
        if name in self._values:
            kind = self._template["Parameters"][name]["Type"]
            value = self._values[name]
            return value.split(",") if kind.startswith(("List<", "CommaDelimited")) else value
        return _PSEUDO.get(name, f"<{name}>")

    def _if(self, argument: list[Any]) -> Any:
        condition, yes, no = argument
        return self.resolve(yes if self.holds(condition) else no)

    def _join(self, argument: list[Any]) -> str:
        separator, parts = argument
        return str(separator).join(self.resolve(parts))

    def _getatt(self, argument: list[str]) -> str:
        return f"<{'.'.join(argument)}>"

    def _sub(self, argument: Any) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})
        local = {name: self.resolve(value) for name, value in given.items()}

        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in local:
                return str(local[name])
            return f"<{name}>" if "." in name else str(self._ref(name))

        return _PLACEHOLDER.sub(value, text)

    def _test(self, test: dict[str, Any]) -> bool:
        ((key, argument),) = test.items()
        if key == "Condition":
            return self.holds(argument)
        if key == "Fn::Equals":
            left, right = map(self.resolve, argument)
            return bool(left == right)
        results = [self._test(item) for item in argument]
        return {"Fn::And": all(results), "Fn::Or": any(results), "Fn::Not": not results[0]}[key]
