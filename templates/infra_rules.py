from __future__ import annotations

from typing import Any

from troposphere import And, Equals, Not, Or, Template

from templates.capacity_parameters import CapacityParameters
from templates.instance_type import INSTANCE_TYPES
from templates.model_size import MODEL_SIZES, ModelSize
from templates.network_parameters import NetworkParameters
from templates.service_parameters import ServiceParameters

_ALL_TYPES = (CapacityParameters.instance_type, CapacityParameters.alternative_type)

# Families that the rules name: rules compare whole values only, and a template has 51,200 bytes.
# generate.py preflight knows all of INSTANCE_TYPES, and models that stand in no list.
_FAMILIES = ("t3", "t3a")


def add_rules(template: Template) -> None:
    """Adds what CloudFormation refuses with a sentence before it makes the first resource."""
    rules = {**_network_rules(), **_capacity_rules(), **_model_rules()}
    for name, rule in rules.items():
        template.add_rule(name, rule)


def _network_rules() -> dict[str, Any]:
    new_vpc = NetworkParameters.existing_vpc_id.is_empty()
    no_subnets = NetworkParameters.existing_subnet_ids.is_empty()
    no_nat = Equals(NetworkParameters.nat_gateways.ref(), "none")
    has_endpoints = Equals(NetworkParameters.vpc_endpoints.ref(), "true")
    return {
        "ExistingVpc": {
            "Assertions": [
                _assertion(
                    Or(And(new_vpc, no_subnets), Not(Or(new_vpc, no_subnets))),
                    "Give ExistingVpcId and ExistingSubnetIds together, or neither.",
                )
            ]
        },
        "WayOut": {
            "RuleCondition": And(no_nat, new_vpc),
            "Assertions": [
                _assertion(
                    has_endpoints,
                    "Without NAT nothing reaches ECR: set VpcEndpoints to true.",
                ),
                _assertion(
                    Not(ServiceParameters.weights_location.is_empty()),
                    "Without NAT nothing reaches the hub: set WeightsLocation to s3://...",
                ),
            ],
        },
    }


def _capacity_rules() -> dict[str, Any]:
    return {
        "RoomForRollOut": {
            "Assertions": [
                _assertion(
                    Not(
                        Equals(CapacityParameters.min_size.ref(), CapacityParameters.max_size.ref())
                    ),
                    "MaxSize must exceed MinSize: a roll-out starts new instances before it ends"
                    " old ones.",
                )
            ]
        },
    }


def _model_rules() -> dict[str, Any]:
    """Returns a rule for each group of models that need the same type at least."""
    groups: dict[str, list[ModelSize]] = {}
    for model in MODEL_SIZES:
        smallest = model.smallest_type()
        if smallest is not None:
            groups.setdefault(smallest.name, []).append(model)
    rules = {}
    for smallest_name, models in groups.items():
        too_small = [
            kind.name
            for kind in INSTANCE_TYPES
            if _is_named(kind.name) and not any(model.fits(kind) for model in models)
        ]
        if too_small:
            rules["Fits" + "".join(map(str.capitalize, smallest_name.split(".")))] = {
                "RuleCondition": _contains(
                    [model.name for model in models], ServiceParameters.model_name.ref()
                ),
                "Assertions": [
                    _assertion(
                        _none_of(too_small, [parameter.ref() for parameter in _ALL_TYPES]),
                        f"The model needs {smallest_name} or a larger type.",
                    )
                ],
            }
    return rules


def _is_named(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in _FAMILIES


def _assertion(condition: Any, sentence: str) -> dict[str, Any]:
    return {"Assert": condition, "AssertDescription": sentence}


def _contains(options: list[str], value: Any) -> dict[str, Any]:
    return {"Fn::Contains": [options, value]}


def _none_of(options: list[str], values: list[Any]) -> Not:
    return Not(Or(*(_contains(options, value) for value in values)))
