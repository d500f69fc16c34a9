import math

import pytest

from llm_service.engine.errors import InvalidParameterError
from llm_service.engine.sampling_params import SamplingParams


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("top_k", -1),
        ("top_p", 0),
        ("top_p", 1.01),
        ("top_p", math.nan),
        ("min_p", -0.1),
        ("min_p", 1.1),
        ("min_p", math.nan),
        ("repetition_penalty", 0),
        ("repetition_penalty", 2.1),
        ("repetition_penalty", math.nan),
        ("presence_penalty", -2.1),
        ("presence_penalty", math.nan),
        ("frequency_penalty", 2.1),
        ("logit_bias", {3: 101.0}),
        ("logit_bias", {3: math.nan}),
        ("seed", -1),
        ("seed", 2**64),
        ("max_tokens", 0),
        ("min_tokens", -1),
        ("min_tokens", 11),
        ("stop", ("a", "")),
    ],
)
def test_refuses_a_value_outside_and_names_field_value_and_remedy(
    field: str, value: object
) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        SamplingParams(**{"max_tokens": 10, field: value})
    assert caught.value.field == field
    assert "must" in caught.value.remedy
    assert str(caught.value).startswith(f"{field}=")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", 0),
        ("temperature", 2),
        ("top_p", 1e-9),
        ("top_p", 1),
        ("min_p", 1),
        ("repetition_penalty", 2),
        ("presence_penalty", -2),
        ("logit_bias", {3: -100.0}),
        ("seed", 0),
        ("seed", 2**64 - 1),
        ("max_tokens", 1),
        ("min_tokens", 10),
    ],
)
def test_accepts_the_bounds(field: str, value: object) -> None:
    assert getattr(SamplingParams(**{"max_tokens": 10, field: value}), field) == value


def test_keeps_its_own_copy_of_the_biases() -> None:
    biases = {1: 2.0}
    params = SamplingParams(max_tokens=1, logit_bias=biases)
    biases[1] = 3.0
    assert params.logit_bias == {1: 2.0}
    with pytest.raises(TypeError):
        params.logit_bias[1] = 3.0  # type: ignore[index] # that it cannot be set is the point


def test_equal_parameters_are_equal_and_can_be_keys() -> None:
    one, other = (SamplingParams(max_tokens=1, logit_bias={1: 2.0}) for _ in range(2))
    assert one == other
    assert len({one, other}) == 1
