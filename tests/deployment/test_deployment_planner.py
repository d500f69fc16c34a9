from __future__ import annotations

import json
from typing import Any

import pytest

from deployment.aws import Aws
from deployment.deploy_settings import DeploySettings
from deployment.deployment_planner import DeploymentPlanner
from deployment.errors import AwsRefusedError, UsageError
from deployment.template_source import TemplateSource
from tests.deployment.fakes import ANY, CHANGE_SET_ID, STACK_ID, FakeClock, ScriptedAws, stack

TEMPLATE = {
    "Parameters": {
        "Name": {"Type": "String", "Default": "x"},
        "Many": {"Type": "String", "Default": ""},
    },
    "Conditions": {"HasMany": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Many"}, ""]}]}},
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Extra": {"Type": "AWS::SNS::Topic", "Condition": "HasMany"},
    },
}


def settings(template: dict[str, Any] | None = None, **others: Any) -> DeploySettings:
    text = json.dumps(template or TEMPLATE)
    return DeploySettings(stack_name="demo", template=TemplateSource("demo.json", text), **others)


@pytest.mark.parametrize(
    ("status", "phrase", "remedy"),
    [
        ("ROLLBACK_COMPLETE", "its creation failed and was rolled back", "--recreate"),
        ("ROLLBACK_FAILED", "so did the roll-back", "--recreate"),
        ("CREATE_FAILED", "what was made is kept", "--recreate"),
        ("DELETE_FAILED", "its deletion stopped half way", "--recreate"),
        ("UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
        ("UPDATE_IN_PROGRESS", "one operation at a time", "generate.py watch demo"),
        ("DELETE_IN_PROGRESS", "one operation at a time", "generate.py watch demo"),
        (
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            "one operation at a time",
            "generate.py watch demo",
        ),
    ],
)
def test_a_stack_that_cannot_be_changed_is_explained(
    scripted: ScriptedAws, status: str, phrase: str, remedy: str
) -> None:
    scripted.answer("cloudformation", "describe_stacks", stack(status))
    with pytest.raises(AwsRefusedError, match=phrase) as refused:
        DeploymentPlanner(scripted).plan(settings())
    assert remedy in refused.value.remedy


def test_a_stack_in_review_is_created(scripted: ScriptedAws, clock: FakeClock) -> None:
    scripted.answer("cloudformation", "describe_stacks", stack("REVIEW_IN_PROGRESS"))
    scripted.answer("cloudformation", "get_template_summary", {"Parameters": []})
    scripted.answer(
        "cloudformation",
        "create_change_set",
        {"Id": CHANGE_SET_ID, "StackId": STACK_ID},
        StackName="demo",
        ChangeSetType="CREATE",
        ChangeSetName=ANY,
        ClientToken=ANY,
        Parameters=[],
        Capabilities=[],
        TemplateBody=ANY,
        OnStackFailure="ROLLBACK",
    )
    for _ in range(2):
        scripted.answer("cloudformation", "describe_change_set", {"Status": "CREATE_COMPLETE"})
    plan = DeploymentPlanner(scripted, clock).plan(settings())
    assert plan.state is None
    assert plan.difference.is_new


def test_an_underscore_in_the_name_is_refused_before_any_call(scripted: ScriptedAws) -> None:
    bad = DeploySettings(stack_name="my_stack", template=TemplateSource("x", "{}"))
    with pytest.raises(UsageError, match="my_stack") as refused:
        DeploymentPlanner(scripted).plan(bad)
    assert refused.value.remedy == "use 'my-stack'"


def test_an_absent_stack_is_all_new_and_nothing_is_left_in_aws(mocked: Aws) -> None:
    planner = DeploymentPlanner(mocked)
    difference = planner.plan_new(settings()).difference
    assert [change.logical_id for change in difference.resources] == ["Topic"]
    more = planner.plan_new(settings(parameters={"Many": "yes"})).difference
    assert [change.logical_id for change in more.resources] == ["Topic", "Extra"]
    assert mocked.client("cloudformation").list_stacks()["StackSummaries"] == []


def test_an_update_shows_values_tags_and_sections(mocked: Aws, clock: FakeClock) -> None:
    cloudformation = mocked.client("cloudformation")
    before = {**TEMPLATE, "Outputs": {"Old": {"Value": "1"}}}
    cloudformation.create_stack(
        StackName="demo",
        TemplateBody=json.dumps(before),
        Parameters=[{"ParameterKey": "Name", "ParameterValue": "old"}],
        Tags=[{"Key": "team", "Value": "a"}],
    )
    after = {
        **TEMPLATE,
        "Resources": {**TEMPLATE["Resources"], "Queue": {"Type": "AWS::SQS::Queue"}},
    }
    plan = DeploymentPlanner(mocked, clock).plan(
        settings(after, parameters={"Name": "new"}, tags={"team": "b"})
    )
    assert plan.change_set is not None
    difference = plan.difference
    assert ("Add", "Queue") in [(item.action, item.logical_id) for item in difference.resources]
    assert [(item.key, item.before, item.after) for item in difference.parameters] == [
        ("Name", "old", "new")
    ]
    assert [(item.key, item.before, item.after) for item in difference.tags] == [("team", "a", "b")]
    assert [(item.action, item.key) for item in difference.sections] == [("Remove", "Old")]


def test_a_template_of_51201_bytes_goes_through_the_bucket(mocked: Aws, clock: FakeClock) -> None:
    mocked.client("s3").create_bucket(
        Bucket="templates", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    large = {**TEMPLATE, "Description": ""}
    large["Description"] = "x" * (51_201 - len(json.dumps(large)))
    asked = settings(large, bucket="templates")
    assert asked.template is not None
    assert asked.template.size == 51_201
    plan = DeploymentPlanner(mocked, clock).plan(asked)
    assert plan.change_set is not None
    (stored,) = mocked.client("s3").list_objects_v2(Bucket="templates")["Contents"]
    url = plan.change_set.request.template_url
    assert url == f"https://templates.s3.eu-west-1.amazonaws.com/{stored['Key']}"


def test_a_large_template_without_a_bucket_says_how_to_get_one(mocked: Aws) -> None:
    large = {**TEMPLATE, "Description": "x" * 60_000}
    with pytest.raises(UsageError, match="does not exist") as refused:
        DeploymentPlanner(mocked).plan(settings(large))
    assert "--create-bucket" in refused.value.remedy
