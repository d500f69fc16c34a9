from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ACCOUNT = "123456789012"
REGION = "eu-west-1"
PARTITION = "aws"

# The property that holds a resource's own name, where its Ref returns the name.
_NAME_PROPERTIES = {
    "AWS::AutoScaling::AutoScalingGroup": "AutoScalingGroupName",
    "AWS::CodeBuild::Project": "Name",
    "AWS::CodePipeline::Pipeline": "Name",
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
}
_ARN_SHAPES = {
    "AWS::CodeBuild::Project": "codebuild:{region}:{account}:project/{name}",
    "AWS::CodePipeline::Pipeline": "codepipeline:{region}:{account}:{name}",
    "AWS::ECR::Repository": "ecr:{region}:{account}:repository/{name}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::IAM::InstanceProfile": "iam::{account}:instance-profile/{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{region}:{account}:secret:{name}",
    "AWS::ServiceDiscovery::Service": "servicediscovery:{region}:{account}:service/srv-{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
}
# Types whose Ref is their ARN.
_REF_IS_ARN = {
    "AWS::CloudFormation::CustomResource",
    "AWS::IAM::ManagedPolicy",
    "AWS::SecretsManager::Secret",
    "AWS::SNS::Topic",
}


class NoValue:
    """What AWS::NoValue resolves to: the property or list item does not exist."""


class Resolver:
    """Resolves a template's intrinsic functions as a deployment would, with made-up ids.

    Args:
        template: The template as plain data.
        parameters: Values of parameters; the others take their defaults.
        stack_name: Name of the stack.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, str] | None = None,
        stack_name: str = "Stack",
    ) -> None:
        self.template = template
        self.stack_name = stack_name
        defaults = {
            name: parameter["Default"]
            for name, parameter in template.get("Parameters", {}).items()
            if "Default" in parameter
        }
        self._parameters = {**defaults, **(parameters or {})}
        self._pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": NoValue,
            "AWS::Partition": PARTITION,
            "AWS::Region": REGION,
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack_name}/0a1b2c",
            "AWS::StackName": stack_name,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def resolve(self, value: Any) -> Any:
        """Returns plain data: intrinsic functions are replaced, absent values left out."""
        if isinstance(value, list):
            items = [self.resolve(item) for item in value]
            return [item for item in items if item is not NoValue]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            handler = getattr(self, "_" + name.replace("Fn::", "").lower(), None)
            if (name == "Ref" or name.startswith("Fn::")) and handler is not None:
                return handler(argument)
            if name.startswith("Fn::"):
                raise NotImplementedError(f"{name}: teach tests/iam/resolver.py")
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NoValue}

    def exists(self, logical_name: str) -> bool:
        """Returns whether a resource's condition holds."""
        condition = self.template["Resources"][logical_name].get("Condition")
        return condition is None or self.holds(condition)

    def holds(self, condition: Any) -> bool:
        """Returns whether a condition, by its name or as a function, holds."""
        if isinstance(condition, str):
            return self.holds(self.template["Conditions"][condition])
        name, argument = next(iter(condition.items()))
        if name == "Condition":
            return self.holds(argument)
        if name == "Fn::Equals":
            left, right = (str(self.resolve(item)) for item in argument)
            return left == right
        if name == "Fn::Contains":
            return self.resolve(argument[1]) in self.resolve(argument[0])
        if name == "Fn::Not":
            return not self.holds(argument[0])
        if name in ("Fn::And", "Fn::Or"):
            results = [self.holds(item) for item in argument]
            return all(results) if name == "Fn::And" else any(results)
        raise NotImplementedError(f"condition function {name}")

    def broken_rules(self) -> list[str]:
        """Returns the sentences of the template's Rules that the parameters do not satisfy."""
        return [
            assertion["AssertDescription"]
            for rule in self.template.get("Rules", {}).values()
            if "RuleCondition" not in rule or self.holds(rule["RuleCondition"])
            for assertion in rule["Assertions"]
            if not self.holds(assertion["Assert"])
        ]

    def _ref(self, name: str) -> Any:
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self.template.get("Parameters", {}):
            return self._parameters[name]
        resource = self.template["Resources"][name]
        if resource["Type"] in _REF_IS_ARN or resource["Type"].startswith("Custom::"):
            return self._arn(name)
        if resource["Type"] == "AWS::ServiceDiscovery::Service":
            return f"srv-{name.lower()}"
        return self._name(name)

    def _getatt(self, argument: Any) -> Any:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        if attribute == "Arn":
            return self._arn(name)
        if attribute == "HostedZoneId":
            return f"Z{name.upper()}"
        if attribute == "Name":
            return self.resolve(self.template["Resources"][name]["Properties"]["Name"])
        return f"{self.stack_name}-{name}-{attribute}"

    def _sub(self, argument: Any) -> str:
        text, variables = (argument, {}) if isinstance(argument, str) else argument

        def value_of(match: re.Match[str]) -> str:
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            if name in variables:
                return str(self.resolve(variables[name]))
            return str(self._getatt(name) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", value_of, text)

    def _if(self, argument: list[Any]) -> Any:
        condition, yes, no = argument
        return self.resolve(yes if self.holds(condition) else no)

    def _join(self, argument: list[Any]) -> str:
        return str(argument[0]).join(str(item) for item in self.resolve(argument[1]))

    def _select(self, argument: list[Any]) -> Any:
        return self.resolve(argument[1])[int(argument[0])]

    def _split(self, argument: list[Any]) -> list[str]:
        return str(self.resolve(argument[1])).split(argument[0])

    def _findinmap(self, argument: list[Any]) -> Any:
        first, second, third = (str(self.resolve(item)) for item in argument)
        return self.template["Mappings"][first][second][third]

    def _base64(self, argument: Any) -> Any:
        return self.resolve(argument)

    def _getazs(self, argument: Any) -> list[str]:
        return [f"{REGION}{letter}" for letter in "abc"]

    def _cidr(self, argument: list[Any]) -> list[str]:
        return [f"{self.resolve(argument[0])}#{index}" for index in range(int(argument[1]))]

    def _name(self, logical_name: str) -> str:
        resource = self.template["Resources"][logical_name]
        given = resource.get("Properties", {}).get(_NAME_PROPERTIES.get(resource["Type"], ""))
        return str(self.resolve(given)) if given else f"{self.stack_name}-{logical_name}".lower()

    def _arn(self, logical_name: str) -> str:
        kind = self.template["Resources"][logical_name]["Type"]
        if kind not in _ARN_SHAPES:
            raise NotImplementedError(f"ARN of {kind}: teach tests/iam/resolver.py")
        name = self._name(logical_name)
        if kind == "AWS::ServiceDiscovery::Service":
            name = logical_name.lower()
        shape = _ARN_SHAPES[kind].format(region=REGION, account=ACCOUNT, name=name)
        return f"arn:{PARTITION}:{shape}"
