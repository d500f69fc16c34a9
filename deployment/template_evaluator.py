from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_VARIABLE = re.compile(r"\$\{(?!!)([^}]+)\}")


class Unknown:
    """A value that only AWS can tell, such as the id of a resource to come."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


class TemplateEvaluator:
    """Resolves what a template says for given parameter values, as far as that needs no AWS.

    Args:
        template: The template as plain data.
        parameters: Values by name; a parameter without one takes its default.
        pseudo: Values of pseudo parameters, for example AWS::Region.
        placeholder: Text put into joined text in place of what is unknown; None makes the whole
            text unknown.
        zones: Availability zones that Fn::GetAZs returns; none makes it unknown.
    """

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, str] | None = None,
        pseudo: Mapping[str, str] | None = None,
        placeholder: str | None = None,
        zones: Sequence[str] = (),
    ) -> None:
        self._template = template
        self._zones = list(zones)
        self._placeholder = placeholder
        declared = template.get("Parameters") or {}
        defaults = {
            key: str(entry["Default"]) for key, entry in declared.items() if "Default" in entry
        }
        self.parameters: dict[str, str] = {**defaults, **(parameters or {})}
        self._lists = {
            key
            for key, entry in declared.items()
            if str(entry.get("Type", "")).startswith(("CommaDelimitedList", "List<"))
        }
        self._ssm = {
            key
            for key, entry in declared.items()
            if str(entry.get("Type", "")).startswith("AWS::SSM::Parameter::Value")
        }
        self._pseudo = dict(pseudo or {})

    def active_resources(self, *types: str) -> dict[str, dict[str, Any]]:
        """Returns the resources that are, or may be, made: those whose condition is not false.

        Args:
            types: Resource types that count; none counts all.
        """
        return {
            logical_id: resource
            for logical_id, resource in self._template["Resources"].items()
            if (not types or resource.get("Type") in types)
            and ("Condition" not in resource or self.condition(resource["Condition"]) is not False)
        }

    def active_properties(self, *types: str) -> dict[str, dict[str, Any]]:
        """Returns the resolved properties of the resources that are, or may be, made.

        Args:
            types: Resource types that count; none counts all.
        """
        return {
            logical_id: self.resolve(resource.get("Properties", {}))
            for logical_id, resource in self.active_resources(*types).items()
        }

    def condition(self, name: str) -> bool | Unknown:
        """Returns a named condition's value."""
        conditions = self._template.get("Conditions") or {}
        return self._truth(conditions[name]) if name in conditions else UNKNOWN

    def resolve(self, value: Any) -> Any:
        """Returns a value with its functions applied; UNKNOWN in place of what AWS decides."""
        if isinstance(value, list):
            resolved = [self.resolve(item) for item in value]
            return [item for item in resolved if item is not NO_VALUE]
        if not isinstance(value, Mapping):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name, argument)
        items = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in items.items() if item is not NO_VALUE}

    def _function(self, name: str, argument: Any) -> Any:
        handlers = {
            "Ref": self._ref,
            "Fn::Base64": self.resolve,
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAZs": lambda _: self._zones or UNKNOWN,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::Sub": self._sub,
        }
        if name in handlers:
            return handlers[name](argument)
        if name in {"Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not"}:
            return self._truth({name: argument})
        return UNKNOWN

    def _truth(self, expression: Any) -> bool | Unknown:
        ((name, argument),) = expression.items()
        if name == "Condition":
            return self.condition(argument)
        if name == "Fn::Equals":
            sides = [self.resolve(side) for side in argument]
            return UNKNOWN if UNKNOWN in sides else bool(str(sides[0]) == str(sides[1]))
        values: list[bool | Unknown] = [self._truth(item) for item in argument]
        if name == "Fn::Not":
            only = values[0]
            return only if isinstance(only, Unknown) else not only
        # One true decides an Or, one false an And, whatever the others are.
        decisive: bool = name == "Fn::Or"
        if decisive in values:
            return decisive
        return UNKNOWN if UNKNOWN in values else not decisive

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._pseudo:
            return self._pseudo[name]
        if name not in self.parameters or name in self._ssm:
            return UNKNOWN
        value = self.parameters[name]
        return [item.strip() for item in value.split(",")] if name in self._lists else value

    def _find_in_map(self, argument: Any) -> Any:
        keys = [self.resolve(item) for item in argument[:3]]
        found: Any = self._template.get("Mappings") or {}
        for key in keys:
            if key is UNKNOWN or not isinstance(found, Mapping) or key not in found:
                return UNKNOWN
            found = found[key]
        return found

    def _if(self, argument: Any) -> Any:
        holds = self.condition(argument[0])
        return UNKNOWN if isinstance(holds, Unknown) else self.resolve(argument[1 if holds else 2])

    def _join(self, argument: Any) -> Any:
        items = self.resolve(argument[1])
        if not isinstance(items, list):
            return UNKNOWN if self._placeholder is None else self._placeholder
        return self._text(items, lambda texts: str(argument[0]).join(texts))

    def _text(self, parts: list[Any], combine: Callable[[list[str]], str]) -> str | Unknown:
        if UNKNOWN in parts and self._placeholder is None:
            return UNKNOWN
        return combine([str(self._placeholder if part is UNKNOWN else part) for part in parts])

    def _select(self, argument: Any) -> Any:
        index, items = self.resolve(argument[0]), self.resolve(argument[1])
        if index is UNKNOWN or items is UNKNOWN or int(index) >= len(items):
            return UNKNOWN
        return items[int(index)]

    def _split(self, argument: Any) -> Any:
        text = self.resolve(argument[1])
        return UNKNOWN if text is UNKNOWN else str(text).split(argument[0])

    def _sub(self, argument: Any) -> Any:
        text, given = (argument, {}) if isinstance(argument, str) else argument
        names = _VARIABLE.findall(text)
        values = [self.resolve(given[name]) if name in given else self._ref(name) for name in names]

        def substitute(texts: list[str]) -> str:
            following = iter(texts)
            filled = _VARIABLE.sub(lambda _: next(following), text)
            return filled.replace("${!", "${")

        return self._text(values, substitute)


def dig(value: Any, *keys: str) -> Any:
    """Returns what lies below keys; None where a level is missing or unknown."""
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return None if value is UNKNOWN else value


class _NoValue:
    """What AWS::NoValue stands for: the property is left out."""


NO_VALUE = _NoValue()
