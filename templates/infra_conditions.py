from __future__ import annotations

from typing import Any

from troposphere import And, Condition, Equals, If, Not, NoValue, Or, Select, Split

from templates.capacity_parameters import CapacityParameters
from templates.network_parameters import NetworkParameters
from templates.operations_parameters import OperationsParameters
from templates.parameter import Parameter
from templates.service_parameters import ServiceParameters

# Names of the stack's conditions.
CREATE_VPC = "CreateVpc"
THREE_ZONES = "ThreeZones"
ANY_NAT = "AnyNat"
NAT_PER_ZONE = "NatPerZone"
NAT_IN_THIRD_ZONE = "OwnNatInZone3"
ANY_NAT_IN_THIRD_ZONE = "NatInZone3"
CREATE_ENDPOINTS = "CreateEndpoints"
IS_GPU = "IsGpu"
IS_BURSTABLE = "IsBurstable"
ALTERNATIVE_IS_GPU = "AlternativeIsGpu"
HAS_ALTERNATIVE_TYPE = "HasAlternativeType"
HAS_AMI_ID = "HasAmiId"
HAS_AMI_PARAMETER = "HasAmiParameter"
IS_DIGEST = "IsDigest"
HAS_WEIGHTS = "HasWeights"
HAS_TLS = "HasTls"
HAS_TOKENS = "HasTokens"
HAS_CLIENT_CIDR = "HasClientCidr"
HAS_BOUNDARY = "HasBoundary"
HAS_ALARM_EMAIL = "HasAlarmEmail"


def when(condition: str, value: Any) -> If:
    """Returns the value where the condition holds, and no property where it does not."""
    return If(condition, value, NoValue)


def infra_conditions() -> dict[str, Any]:
    """Returns the conditions of LlmServiceInfraStack by name."""
    return {
        **_network_conditions(),
        **_capacity_conditions(),
        **_service_conditions(),
        HAS_BOUNDARY: Not(OperationsParameters.permissions_boundary_arn.is_empty()),
        HAS_ALARM_EMAIL: Not(OperationsParameters.alarm_email.is_empty()),
    }


def _network_conditions() -> dict[str, Any]:
    nat = NetworkParameters.nat_gateways.ref()
    create = Condition(CREATE_VPC)
    return {
        CREATE_VPC: NetworkParameters.existing_vpc_id.is_empty(),
        THREE_ZONES: And(create, Equals(NetworkParameters.zone_count.ref(), "3")),
        ANY_NAT: And(create, Not(Equals(nat, "none"))),
        NAT_PER_ZONE: And(create, Equals(nat, "one-per-zone")),
        ANY_NAT_IN_THIRD_ZONE: And(Condition(ANY_NAT), Condition(THREE_ZONES)),
        NAT_IN_THIRD_ZONE: And(Condition(NAT_PER_ZONE), Condition(THREE_ZONES)),
        CREATE_ENDPOINTS: And(create, Equals(NetworkParameters.vpc_endpoints.ref(), "true")),
        HAS_CLIENT_CIDR: Not(NetworkParameters.client_cidr.is_empty()),
    }


def _capacity_conditions() -> dict[str, Any]:
    # What the parameter's pattern lets through with these letters: g and p are NVIDIA's, t bursts.
    first, alternative = CapacityParameters.instance_type, CapacityParameters.alternative_type
    return {
        IS_GPU: Or(_starts_with("g", first), _starts_with("p", first)),
        ALTERNATIVE_IS_GPU: Or(_starts_with("g", alternative), _starts_with("p", alternative)),
        IS_BURSTABLE: _starts_with("t", first),
        HAS_AMI_ID: Not(CapacityParameters.ami_id.is_empty()),
        HAS_AMI_PARAMETER: Not(CapacityParameters.ami_parameter.is_empty()),
        # One launch template means one image: the alternative counts only beside its like. An
        # empty one starts with every letter, as far as Fn::Split tells.
        HAS_ALTERNATIVE_TYPE: And(
            Not(alternative.is_empty()),
            Or(
                And(Condition(IS_GPU), Condition(ALTERNATIVE_IS_GPU)),
                Not(Or(Condition(IS_GPU), Condition(ALTERNATIVE_IS_GPU))),
            ),
        ),
    }


def _service_conditions() -> dict[str, Any]:
    kind = Select(0, Split(":", ServiceParameters.image_tag.ref()))
    return {
        IS_DIGEST: Equals(kind, "sha256"),
        HAS_WEIGHTS: Not(ServiceParameters.weights_location.is_empty()),
        HAS_TLS: Not(ServiceParameters.tls_secret_arn.is_empty()),
        HAS_TOKENS: Not(ServiceParameters.token_secret_arn.is_empty()),
    }


def _starts_with(letter: str, parameter: Parameter) -> Equals:
    return Equals(Select(0, Split(letter, parameter.ref())), "")
