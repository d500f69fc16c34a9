from __future__ import annotations

import pytest

from deployment.errors import UsageError
from deployment.parameter_plan import ParameterPlan
from deployment.stack_state import StackState
from deployment.template_summary import TemplateParameter, TemplateSummary

SUMMARY = TemplateSummary(
    {
        "ModelName": TemplateParameter("ModelName", None, "Which model is served."),
        "InstanceType": TemplateParameter("InstanceType", "t3.micro"),
        "Nat": TemplateParameter("Nat", "one", allowed_values=("none", "one")),
        "Secret": TemplateParameter("Secret", "", no_echo=True),
    },
    (),
)


def deployed(**parameters: str) -> StackState:
    return StackState("demo", "arn", "UPDATE_COMPLETE", parameters=parameters)


def test_a_new_stack_sends_only_what_is_given() -> None:
    plan = ParameterPlan.make(SUMMARY, {"ModelName": "a, b = c"}, None)
    assert plan.entries == ({"ParameterKey": "ModelName", "ParameterValue": "a, b = c"},)


def test_previous_values_are_used_for_keys_that_the_stack_has_and_no_others() -> None:
    plan = ParameterPlan.make(
        SUMMARY, {"Nat": "none"}, deployed(ModelName="m", Secret="****", Gone="x")
    )
    assert plan.entries == (
        {"ParameterKey": "ModelName", "UsePreviousValue": True},
        {"ParameterKey": "Nat", "ParameterValue": "none"},
        {"ParameterKey": "Secret", "UsePreviousValue": True},
    )


def test_a_kept_value_that_differs_from_the_default_is_told_and_a_secret_is_not() -> None:
    plan = ParameterPlan.make(
        SUMMARY, {}, deployed(ModelName="m", InstanceType="m6i.large", Secret="****")
    )
    assert len(plan.notes) == 1
    assert plan.notes[0].startswith("InstanceType stays 'm6i.large'; the template's default is")


def test_a_missing_value_is_named_with_its_description() -> None:
    with pytest.raises(UsageError, match="no value for ModelName") as refused:
        ParameterPlan.make(SUMMARY, {}, None)
    assert refused.value.remedy == "give --parameter ModelName=..."
    assert refused.value.detail == ("ModelName: Which model is served.",)


def test_an_unknown_parameter_suggests_a_close_one() -> None:
    with pytest.raises(UsageError, match="no parameter 'Modelname'") as refused:
        ParameterPlan.make(SUMMARY, {"Modelname": "x"}, None)
    assert refused.value.remedy == "did you mean ModelName?"
    with pytest.raises(UsageError) as refused:
        ParameterPlan.make(SUMMARY, {"zzz": "x"}, None)
    assert refused.value.remedy.startswith("known: ModelName, InstanceType")


def test_a_value_that_is_not_allowed_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="Nat cannot be 'two'") as refused:
        ParameterPlan.make(SUMMARY, {"ModelName": "m", "Nat": "two"}, None)
    assert refused.value.remedy == "use one of: 'none', 'one'"
