"""buildspec-deploy.yml: shielding images, the smoke test's outcome, and the way back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from templates.cicd_pipeline import LlmServiceCicdPipelineStack
from tests.buildspec.checkout import ROOT, Checkout
from tests.codebuild.build import Build
from tests.codebuild.build_result import BuildResult
from tests.codebuild.buildspec import Buildspec
from tests.ecr.account import REPOSITORY, Account
from tests.iam.evaluator import Evaluator

OLD, NEW = "0" * 12, "1" * 12
STACK = "LlmServiceInfraStack"

# What matters of the real template here: the tag, and a parameter that must keep its value.
TEMPLATE = {
    "Parameters": {
        "ImageTag": {"Type": "String", "Default": "latest"},
        "ModelName": {"Type": "String", "Default": "default-model"},
    },
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
}


def run(account: Account, checkout: Checkout, step: str, **variables: str) -> BuildResult:
    project = {
        **account.environment,
        "ECR_REPOSITORY_NAME": REPOSITORY,
        "ENVIRONMENT_NAME": "dev",
        "IMAGE_VARIANTS": "cpu",
        "INFRA_STACK_NAME": STACK,
        "SMOKE_TEST": "true",
        "SMOKE_TEST_PROJECT": f"{STACK}-smoke-test",
        "IMAGE_TAG": NEW,
        "STEP": step,
        "POLL_SECONDS": "0",
        **variables,
    }
    buildspec = Buildspec.read(ROOT / "buildspec-deploy.yml")
    return Build(buildspec, checkout.folder, checkout.folder, NEW, project).run()


def succeeded(result: BuildResult) -> bool:
    # These steps have no artifact.
    return all(phase.succeeded for phase in result.phases)


def deploy(account: Account, tag: str) -> None:
    account.client("cloudformation").create_stack(
        StackName=STACK,
        TemplateBody=json.dumps(TEMPLATE),
        Parameters=[
            {"ParameterKey": "ImageTag", "ParameterValue": tag},
            {"ParameterKey": "ModelName", "ParameterValue": "a model, with = and spaces"},
        ],
    )


def parameters(account: Account) -> dict[str, str]:
    (stack,) = account.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}


def serve(account: Account, tag: str) -> None:
    """Makes an image the one that served until now."""
    manifest = account.store.find(tag)
    assert manifest
    account.store.put("deployed-dev-current", manifest)


@pytest.fixture
def pushed(registry_account: Account) -> dict[str, str]:
    """Digests of two images that were built, by tag."""
    return {tag: registry_account.store.push_made_up_image(tag) for tag in (OLD, NEW)}


def test_shielding_tags_the_new_image_and_leaves_the_old_ones_tags(
    registry_account: Account, checkout: Checkout, pushed: dict[str, str]
) -> None:
    store = registry_account.store
    serve(registry_account, OLD)
    result = run(registry_account, checkout, "shield")
    assert succeeded(result), result.log
    assert store.tags()["deployed-dev-next"] == pushed[NEW]
    assert store.tags()["deployed-dev-current"] == pushed[OLD]


def test_shielding_again_is_no_error(
    registry_account: Account, checkout: Checkout, pushed: dict[str, str]
) -> None:
    for _ in range(2):
        assert succeeded(run(registry_account, checkout, "shield"))


def test_shielding_an_absent_image_fails_and_names_it(
    registry_account: Account, checkout: Checkout, pushed: dict[str, str]
) -> None:
    result = run(registry_account, checkout, "shield", IMAGE_TAG="f" * 12)
    assert not succeeded(result)
    assert f"no image in llm-service has the tag {'f' * 12}" in result.log


@pytest.mark.parametrize(
    ("variants", "suffixes"), [("cuda", ["-cuda"]), ("cpu-and-cuda", ["", "-cuda"])]
)
def test_every_variant_is_shielded_and_promoted(
    registry_account: Account, checkout: Checkout, variants: str, suffixes: list[str]
) -> None:
    store = registry_account.store
    for suffix in suffixes:
        store.push_made_up_image(NEW + suffix)
    for step in ("shield", "verify"):
        result = run(registry_account, checkout, step, IMAGE_VARIANTS=variants)
        assert succeeded(result), result.log
    expected = {
        f"{kind}{s}"
        for s in suffixes
        for kind in (NEW, "deployed-dev-next", "deployed-dev-current")
    }
    assert set(store.tags()) == expected


def test_an_answer_makes_the_image_current_and_keeps_the_one_before(
    registry_account: Account, checkout: Checkout, pushed: dict[str, str]
) -> None:
    front, store = registry_account.aws, registry_account.store
    serve(registry_account, OLD)
    front.build_statuses = ["IN_PROGRESS", "IN_PROGRESS", "SUCCEEDED"]

    result = run(registry_account, checkout, "verify")

    assert succeeded(result), result.log
    assert store.tags()["deployed-dev-current"] == pushed[NEW]
    assert store.tags()["deployed-dev-previous"] == pushed[OLD]
    (started,) = front.started_builds
    assert started["projectName"] == f"{STACK}-smoke-test"
    (variable,) = started["environmentVariablesOverride"]
    assert (variable["name"], variable["value"]) == ("IMAGE_TAG", NEW)


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT"])
def test_no_answer_brings_the_previous_tag_back_and_fails(
    registry_account: Account, checkout: Checkout, pushed: dict[str, str], status: str
) -> None:
    serve(registry_account, OLD)
    deploy(registry_account, NEW)
    registry_account.aws.build_statuses = [status]

    result = run(registry_account, checkout, "verify")

    assert not succeeded(result)
    assert f"{STACK} is back on {OLD}" in result.log
    assert parameters(registry_account) == {
        "ImageTag": OLD,
        "ModelName": "a model, with = and spaces",
    }
    assert registry_account.store.tags()["deployed-dev-current"] == pushed[OLD]


def test_a_first_deployment_without_answer_stays_and_says_why(
    registry_account: Account, checkout: Checkout, pushed: dict[str, str]
) -> None:
    deploy(registry_account, NEW)
    registry_account.aws.build_statuses = ["FAILED"]
    result = run(registry_account, checkout, "verify")
    assert not succeeded(result)
    assert "no earlier image is known to go back to" in result.log
    assert parameters(registry_account)["ImageTag"] == NEW


def test_the_same_image_is_not_rolled_back_to_itself(
    registry_account: Account, checkout: Checkout, pushed: dict[str, str]
) -> None:
    serve(registry_account, NEW)
    deploy(registry_account, NEW)
    registry_account.aws.build_statuses = ["FAILED"]
    result = run(registry_account, checkout, "verify")
    assert not succeeded(result)
    assert "the image is not to blame" in result.log
    assert "cloudformation:UpdateStack" not in registry_account.aws.calls


def test_a_smoke_test_that_could_not_start_rolls_nothing_back(
    registry_account: Account, checkout: Checkout, pushed: dict[str, str]
) -> None:
    serve(registry_account, OLD)
    deploy(registry_account, NEW)
    result = run(
        registry_account,
        checkout,
        "verify",
        AWS_ENDPOINT_URL_CODEBUILD="http://127.0.0.1:9",
        AWS_MAX_ATTEMPTS="1",
    )
    assert not succeeded(result)
    assert result.log.count("Could not connect") == 1
    assert parameters(registry_account)["ImageTag"] == NEW


def test_without_a_smoke_test_the_image_becomes_current(
    registry_account: Account, checkout: Checkout, pushed: dict[str, str]
) -> None:
    assert succeeded(run(registry_account, checkout, "verify", SMOKE_TEST="false"))
    assert registry_account.store.tags()["deployed-dev-current"] == pushed[NEW]
    assert registry_account.aws.started_builds == []


def test_an_unknown_step_is_refused(registry_account: Account, checkout: Checkout) -> None:
    result = run(registry_account, checkout, "verfiy")
    assert not succeeded(result)
    assert "give shield or verify" in result.log


def test_the_project_may_make_every_call_that_its_steps_made(
    registry_account: Account, checkout: Checkout, pushed: dict[str, str]
) -> None:
    run(registry_account, checkout, "shield")
    serve(registry_account, OLD)
    deploy(registry_account, NEW)
    registry_account.aws.calls.clear()
    registry_account.aws.build_statuses = ["FAILED"]
    run(registry_account, checkout, "verify")

    calls = set(registry_account.aws.calls)
    assert "cloudformation:UpdateStack" in calls
    template: dict[str, Any] = LlmServiceCicdPipelineStack().to_dict()
    evaluator = Evaluator(template, {"GitHubOwner": "someone"}, "Pipeline")
    account = "123456789012"
    resources = {
        "ecr": f"arn:aws:ecr:eu-west-1:{account}:repository/{REPOSITORY}",
        "codebuild": f"arn:aws:codebuild:eu-west-1:{account}:project/{STACK}-smoke-test",
        "cloudformation": f"arn:aws:cloudformation:eu-west-1:{account}:stack/{STACK}/1",
    }
    for call in calls:
        assert evaluator.allows("DeployProjectRole", call, resources[call.split(":")[0]]), call
