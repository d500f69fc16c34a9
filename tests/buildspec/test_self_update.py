"""The buildspec with which the pipeline updates its own stack, run against moto."""

from __future__ import annotations

import json
import urllib.parse
from pathlib import Path
from typing import Any

from templates.cicd_pipeline import LlmServiceCicdPipelineStack
from tests.codebuild.build import Build
from tests.codebuild.build_result import BuildResult
from tests.codebuild.buildspec import Buildspec
from tests.ecr.account import Account
from tests.iam.evaluator import Evaluator

STACK = "LlmServiceCicdPipelineStack"


def template(**resources: Any) -> dict[str, Any]:
    return {
        "Parameters": {
            "GitHubOwner": {"Type": "String", "Default": ""},
            "ManualApproval": {"Type": "String", "Default": "false"},
        },
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}, **resources},
    }


def run(account: Account, folder: Path, new: Any, configuration: dict[str, Any]) -> BuildResult:
    folder.mkdir(exist_ok=True)
    (folder / f"{STACK}.template.json").write_text(json.dumps(new))
    (folder / f"{STACK}.configuration.json").write_text(json.dumps(configuration))
    project = LlmServiceCicdPipelineStack().to_dict()["Resources"]["SelfUpdateProject"]
    buildspec = Buildspec(project["Properties"]["Source"]["BuildSpec"])
    environment = {**account.environment, "STACK_NAME": STACK}
    return Build(buildspec, folder, folder, "0" * 40, environment).run()


def create(account: Account) -> None:
    account.client("cloudformation").create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(template()),
        Parameters=[{"ParameterKey": "GitHubOwner", "ParameterValue": "someone"}],
    )


def stack(account: Account) -> dict[str, Any]:
    (found,) = account.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return dict(found)


def test_a_changed_template_and_configuration_are_deployed_and_the_rest_stays(
    registry_account: Account, tmp_path: Path
) -> None:
    create(registry_account)
    result = run(
        registry_account,
        tmp_path / "build",
        template(Second={"Type": "AWS::SNS::Topic"}),
        {"Parameters": {"ManualApproval": "true"}, "Tags": {"Environment": "a b"}},
    )
    assert all(phase.succeeded for phase in result.phases), result.log
    found = stack(registry_account)
    assert {p["ParameterKey"]: p["ParameterValue"] for p in found["Parameters"]} == {
        "GitHubOwner": "someone",
        "ManualApproval": "true",
    }
    # moto's change sets lose tags, so the request tells.
    (asked,) = [b for call, b in registry_account.aws.bodies if call.endswith(":CreateChangeSet")]
    form = urllib.parse.parse_qs(asked)
    assert form["Tags.member.1.Key"] == ["Environment"]
    assert form["Tags.member.1.Value"] == ["a b"]
    resources = registry_account.client("cloudformation").describe_stack_resources(StackName=STACK)
    assert {r["LogicalResourceId"] for r in resources["StackResources"]} == {"Topic", "Second"}


def test_what_cloudformation_refuses_fails_with_a_hint(
    registry_account: Account, tmp_path: Path
) -> None:
    create(registry_account)
    result = run(
        registry_account, tmp_path / "build", "no template", {"Parameters": {}, "Tags": {}}
    )
    assert not result.phases[-1].succeeded
    assert "a person has to deploy this stack" in result.log


def test_the_project_may_make_every_call_that_it_made(
    registry_account: Account, tmp_path: Path
) -> None:
    create(registry_account)
    registry_account.aws.calls.clear()
    run(
        registry_account,
        tmp_path / "build",
        template(Second={"Type": "AWS::SNS::Topic"}),
        {"Parameters": {}, "Tags": {}},
    )
    evaluator = Evaluator(LlmServiceCicdPipelineStack().to_dict(), {"GitHubOwner": "x"}, STACK)
    own = evaluator.resolver.resolve({"Ref": "AWS::StackId"})
    calls = set(registry_account.aws.calls)
    assert "cloudformation:ExecuteChangeSet" in calls
    for call in calls:
        assert evaluator.allows("SelfUpdateProjectRole", call, own), call
