from __future__ import annotations

from typing import Any

import pytest

from deployment.change_set import MAX_WAIT_SECONDS, ChangeSet
from deployment.change_set_request import ChangeSetRequest
from deployment.errors import AwsRefusedError
from deployment.template_source import TemplateSource
from tests.deployment.fakes import ANY, CHANGE_SET_ID, STACK_ID, FakeClock, ScriptedAws, stack

CREATED = {"Id": CHANGE_SET_ID, "StackId": STACK_ID}
SUMMARY = {"ChangeSetId": CHANGE_SET_ID, "Status": "DELETE_COMPLETE"}


def request(*, is_new: bool = False, **others: Any) -> ChangeSetRequest:
    template = TemplateSource("x", '{"Resources": {}}')
    return ChangeSetRequest(stack_name="demo", is_new=is_new, template=template, **others)


def expect_discard(aws: ScriptedAws, *, is_new: bool, others: bool = False) -> None:
    aws.answer("cloudformation", "delete_change_set", {}, ChangeSetName=CHANGE_SET_ID)
    if not is_new:
        return
    aws.answer("cloudformation", "describe_stacks", stack("REVIEW_IN_PROGRESS"), StackName=STACK_ID)
    other = {"ChangeSetId": "arn:aws:other", "Status": "CREATE_COMPLETE"}
    summaries = [SUMMARY, other] if others else [SUMMARY]
    aws.answer("cloudformation", "list_change_sets", {"Summaries": summaries})
    if not others:
        aws.answer("cloudformation", "delete_stack", {}, StackName=STACK_ID)


def test_waits_until_it_is_ready(scripted: ScriptedAws, clock: FakeClock) -> None:
    scripted.answer(
        "cloudformation",
        "create_change_set",
        CREATED,
        ChangeSetName=ANY,
        ClientToken=ANY,
        StackName="demo",
        ChangeSetType="CREATE",
        Parameters=[{"ParameterKey": "A", "ParameterValue": "b,c = d"}],
        Capabilities=["CAPABILITY_IAM"],
        TemplateBody='{"Resources": {}}',
        Tags=[{"Key": "k", "Value": "v"}],
        RoleARN="arn:aws:iam::123456789012:role/deploy",
        OnStackFailure="DELETE",
    )
    for status in ("CREATE_PENDING", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"):
        scripted.answer("cloudformation", "describe_change_set", {"Status": status})
    change_set = ChangeSet(
        scripted,
        request(
            is_new=True,
            parameters=({"ParameterKey": "A", "ParameterValue": "b,c = d"},),
            capabilities=("CAPABILITY_IAM",),
            tags={"k": "v"},
            role_arn="arn:aws:iam::123456789012:role/deploy",
            on_failure="DELETE",
        ),
        clock,
    )
    assert change_set.create() is True
    assert len(clock.naps) == 2


def test_no_changes_is_success_and_the_change_set_goes(
    scripted: ScriptedAws, clock: FakeClock
) -> None:
    scripted.answer("cloudformation", "create_change_set", CREATED)
    reason = "The submitted information didn't contain changes. Submit different information."
    scripted.answer(
        "cloudformation", "describe_change_set", {"Status": "FAILED", "StatusReason": reason}
    )
    expect_discard(scripted, is_new=False)
    assert ChangeSet(scripted, request(), clock).create() is False


def test_no_changes_told_at_once_is_success_too(scripted: ScriptedAws, clock: FakeClock) -> None:
    scripted.refuse(
        "cloudformation",
        "create_change_set",
        "ValidationError",
        "No updates are to be performed.",
    )
    assert ChangeSet(scripted, request(), clock).create() is False


def test_early_validation_says_what_it_found_and_nothing_stays_behind(
    scripted: ScriptedAws, clock: FakeClock
) -> None:
    scripted.answer("cloudformation", "create_change_set", CREATED)
    scripted.answer(
        "cloudformation",
        "describe_change_set",
        {"Status": "FAILED", "StatusReason": "Early validation failed"},
    )
    scripted.answer(
        "cloudformation",
        "describe_events",
        {
            "OperationEvents": [
                {
                    "EventType": "VALIDATION_ERROR",
                    "LogicalResourceId": "Bucket",
                    "ValidationPath": "/Resources/Bucket/Properties/BucketName",
                    "ValidationName": "NAME_CONFLICT_VALIDATION",
                    "ValidationStatusReason": "a bucket of that name exists",
                }
            ]
        },
        ChangeSetName=CHANGE_SET_ID,
        Filters={"FailedEvents": True},
    )
    expect_discard(scripted, is_new=True)
    with pytest.raises(AwsRefusedError, match="Early validation failed") as refused:
        ChangeSet(scripted, request(is_new=True), clock).create()
    assert refused.value.detail == (
        "Bucket /Resources/Bucket/Properties/BucketName: a bucket of that name exists "
        "[NAME_CONFLICT_VALIDATION]",
    )


def test_a_role_without_describe_events_still_hears_the_reason(
    scripted: ScriptedAws, clock: FakeClock
) -> None:
    scripted.answer("cloudformation", "create_change_set", CREATED)
    scripted.answer(
        "cloudformation", "describe_change_set", {"Status": "FAILED", "StatusReason": "bad AMI"}
    )
    scripted.refuse("cloudformation", "describe_events", "AccessDenied", status=403)
    expect_discard(scripted, is_new=False)
    with pytest.raises(AwsRefusedError, match="bad AMI") as refused:
        ChangeSet(scripted, request(), clock).create()
    assert "AccessDenied" in refused.value.detail[0]


def test_throttled_polling_is_waited_out(scripted: ScriptedAws, clock: FakeClock) -> None:
    scripted.answer("cloudformation", "create_change_set", CREATED)
    for _ in range(5):
        scripted.refuse("cloudformation", "describe_change_set", "Throttling", "Rate exceeded")
    scripted.answer("cloudformation", "describe_change_set", {"Status": "CREATE_COMPLETE"})
    assert ChangeSet(scripted, request(), clock).create() is True


def test_access_denied_while_polling_removes_the_change_set(
    scripted: ScriptedAws, clock: FakeClock
) -> None:
    scripted.answer("cloudformation", "create_change_set", CREATED)
    scripted.refuse("cloudformation", "describe_change_set", "AccessDenied", status=403)
    expect_discard(scripted, is_new=False)
    with pytest.raises(Exception, match="AccessDenied"):
        ChangeSet(scripted, request(), clock).create()


def test_gives_up_after_a_bound(scripted: ScriptedAws, clock: FakeClock) -> None:
    scripted.answer("cloudformation", "create_change_set", CREATED)
    for _ in range(int(MAX_WAIT_SECONDS / 2)):
        scripted.answer("cloudformation", "describe_change_set", {"Status": "CREATE_PENDING"})
    expect_discard(scripted, is_new=False)
    with pytest.raises(AwsRefusedError, match="not ready after 15 minutes"):
        ChangeSet(scripted, request(), clock).create()


def test_an_empty_stack_stays_while_somebody_elses_change_set_waits_in_it(
    scripted: ScriptedAws, clock: FakeClock
) -> None:
    scripted.answer("cloudformation", "create_change_set", CREATED)
    scripted.answer("cloudformation", "describe_change_set", {"Status": "CREATE_COMPLETE"})
    change_set = ChangeSet(scripted, request(is_new=True), clock)
    change_set.create()
    expect_discard(scripted, is_new=True, others=True)
    change_set.discard()


def test_reads_changes_of_all_pages_with_values(scripted: ScriptedAws, clock: FakeClock) -> None:
    scripted.answer("cloudformation", "create_change_set", CREATED)
    scripted.answer("cloudformation", "describe_change_set", {"Status": "CREATE_COMPLETE"})
    for name, token in (("A", {"NextToken": "more"}), ("B", {})):
        change = {"Action": "Add", "LogicalResourceId": name, "ResourceType": "AWS::SNS::Topic"}
        page = {"Changes": [{"Type": "Resource", "ResourceChange": change}], **token}
        given = {"NextToken": "more"} if name == "B" else {}
        scripted.answer(
            "cloudformation",
            "describe_change_set",
            page,
            ChangeSetName=CHANGE_SET_ID,
            IncludePropertyValues=True,
            **given,
        )
    change_set = ChangeSet(scripted, request(), clock)
    change_set.create()
    assert [change.logical_id for change in change_set.changes()] == ["A", "B"]


@pytest.mark.parametrize(
    ("is_new", "on_failure", "sent"),
    [
        (True, "ROLLBACK", "ROLLBACK"),
        (True, "DELETE", "DELETE"),
        (False, "DO_NOTHING", "DO_NOTHING"),
        (False, "DELETE", None),
    ],
)
def test_deletion_on_failure_is_asked_for_new_stacks_only(
    is_new: bool, on_failure: str, sent: str | None
) -> None:
    arguments = request(is_new=is_new, on_failure=on_failure).to_api()
    assert arguments.get("OnStackFailure") == sent
    assert "Tags" not in arguments


def test_the_deployed_template_can_be_taken_again() -> None:
    again = ChangeSetRequest(stack_name="demo", is_new=False, template=None)
    assert again.to_api()["UsePreviousTemplate"] is True
