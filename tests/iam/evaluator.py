from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from typing import Any

from tests.iam.resolver import Resolver

Context = Mapping[str, str | list[str]]


class Evaluator:
    """Decides what a role of a template may do, as IAM would from its policies alone.

    It knows identity policies: inline ones, AWS::IAM::Policy and AWS::IAM::ManagedPolicy of the
    same template, and a permissions boundary that is one of these. An explicit Deny wins. Unknown
    condition operators are errors, so that a test cannot pass by what was not understood.

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
        self.resolver = Resolver(template, parameters, stack_name)
        self._resources = template["Resources"]

    def roles(self) -> list[str]:
        """Returns the logical names of the roles that exist with these parameters."""
        return [
            name
            for name, resource in self._resources.items()
            if resource["Type"] == "AWS::IAM::Role" and self.resolver.exists(name)
        ]

    def documents(self, role: str) -> list[dict[str, Any]]:
        """Returns a role's policy documents, resolved."""
        properties = self.resolver.resolve(self._resources[role].get("Properties", {}))
        found = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for name, resource in self._resources.items():
            if resource["Type"] not in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
                continue
            policy = resource["Properties"]
            attached = {"Ref": role} in policy.get("Roles", []) or {"Ref": name} in self._resources[
                role
            ]["Properties"].get("ManagedPolicyArns", [])
            if attached and self.resolver.exists(name):
                found.append(self.resolver.resolve(policy["PolicyDocument"]))
        return found

    def allows(
        self, role: str, action: str, resource: str = "*", context: Context | None = None
    ) -> bool:
        """Returns whether a role may do an action.

        Args:
            role: Logical name of the role.
            action: Such as logs:PutLogEvents.
            resource: ARN of what is acted on; `*` for actions that name no resource.
            context: Condition keys of the request, such as {"aws:SecureTransport": "true"}.
        """
        statements = [
            statement
            for document in self.documents(role)
            for statement in _as_list(document["Statement"])
        ]
        if not _decide(statements, action, resource, context or {}):
            return False
        boundary = self._boundary(role)
        return boundary is None or _decide(boundary, action, resource, context or {})

    def _boundary(self, role: str) -> list[dict[str, Any]] | None:
        given = self._resources[role]["Properties"].get("PermissionsBoundary")
        if given is None:
            return None
        arn = self.resolver.resolve({"PermissionsBoundary": given}).get("PermissionsBoundary")
        for name, resource in self._resources.items():
            is_policy = resource["Type"] == "AWS::IAM::ManagedPolicy"
            if is_policy and self.resolver.resolve({"Ref": name}) == arn:
                document = self.resolver.resolve(resource["Properties"]["PolicyDocument"])
                return _as_list(document["Statement"])
        # One of the operator's own, which this template does not hold.
        return None


def _decide(statements: list[dict[str, Any]], action: str, resource: str, context: Context) -> bool:
    effects = {
        statement["Effect"]
        for statement in statements
        if _applies(statement, action, resource, context)
    }
    return effects == {"Allow"}


def _applies(statement: dict[str, Any], action: str, resource: str, context: Context) -> bool:
    if "Action" in statement:
        is_action = any(_like(action, one, True) for one in _as_list(statement["Action"]))
    else:
        is_action = not any(_like(action, one, True) for one in _as_list(statement["NotAction"]))
    if "Resource" in statement:
        patterns = [_with_variables(one, context) for one in _as_list(statement["Resource"])]
        is_resource = any(_like(resource, one) for one in patterns)
    else:
        is_resource = not any(_like(resource, one) for one in _as_list(statement["NotResource"]))
    return is_action and is_resource and _conditions_hold(statement.get("Condition", {}), context)


def _conditions_hold(conditions: dict[str, Any], context: Context) -> bool:
    return all(
        _condition_holds(operator, _as_list(expected), context.get(key))
        for operator, keys in conditions.items()
        for key, expected in keys.items()
    )


def _condition_holds(operator: str, expected: list[Any], given: str | list[str] | None) -> bool:
    quantifier, _, plain = operator.rpartition(":")
    if plain == "Null":
        return str(given is None).lower() == str(expected[0]).lower()
    if_exists = plain.endswith("IfExists")
    plain = plain.removesuffix("IfExists")
    if given is None:
        # A missing key satisfies the negated operators, and no other one.
        return if_exists or quantifier == "ForAllValues" or "Not" in plain
    values = _as_list(given)
    results = [_compare(plain, value, [str(one) for one in expected]) for value in values]
    return any(results) if quantifier == "ForAnyValue" else all(results)


def _compare(operator: str, value: str, expected: list[str]) -> bool:
    if operator in ("StringNotEquals", "StringNotLike", "ArnNotEquals", "ArnNotLike"):
        return not _compare(operator.replace("Not", ""), value, expected)
    if operator == "StringEquals":
        return value in expected
    if operator == "StringEqualsIgnoreCase":
        return value.lower() in [one.lower() for one in expected]
    if operator in ("StringLike", "ArnLike", "ArnEquals"):
        return any(_like(value, one) for one in expected)
    if operator == "Bool":
        return value.lower() in [one.lower() for one in expected]
    if operator == "NumericLessThanEquals":
        return float(value) <= float(expected[0])
    raise NotImplementedError(f"condition operator {operator}: teach tests/iam/evaluator.py")


def _with_variables(text: str, context: Context) -> str:
    def value_of(match: re.Match[str]) -> str:
        value = context.get(match.group(1))
        return value if isinstance(value, str) else match.group()

    return re.sub(r"\$\{([\w:/-]+)\}", value_of, text)


def _like(value: str, pattern: str, ignore_case: bool = False) -> bool:
    if ignore_case:
        value, pattern = value.lower(), pattern.lower()
    # Brackets are plain characters to IAM.
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
