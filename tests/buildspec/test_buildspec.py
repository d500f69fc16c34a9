"""buildspec.yml, run phase by phase on a real Docker engine against a registry and moto."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile

import pytest

from tests.buildspec.checkout import Checkout
from tests.codebuild.build import Build
from tests.codebuild.build_result import BuildResult
from tests.codebuild.buildspec import Buildspec
from tests.ecr.account import REPOSITORY, Account

pytestmark = pytest.mark.docker

FIRST = hashlib.sha1(b"first").hexdigest()
SECOND = hashlib.sha1(b"second").hexdigest()
ALL_PHASES = ["install", "pre_build", "build", "post_build"]


def run(account: Account, checkout: Checkout, commit: str = FIRST, **variables: str) -> BuildResult:
    output = checkout.folder.parent / "output"
    output.mkdir(exist_ok=True)
    project = {
        **account.environment,
        "ECR_REPOSITORY_URI": account.repository_uri,
        "ECR_REPOSITORY_NAME": REPOSITORY,
        "PYTHON_VERSION": "3.11",
        "TORCH_VERSION": "2.13.0",
        "CPU_TORCH_INDEX_URL": "https://index.example/cpu",
        "CUDA_TORCH_INDEX_URL": "",
        "ENVIRONMENT_NAME": "dev",
        "COMMIT_ID": commit,
        "IMAGE_VARIANT": "cpu",
        "HF_HUB_OFFLINE": "1",
        **variables,
    }
    buildspec = Buildspec.read(checkout.folder / "buildspec.yml")
    return Build(buildspec, checkout.folder, output, commit, project).run()


def labels(image: str) -> dict[str, str]:
    shown = subprocess.run(
        ["docker", "image", "inspect", image, "--format", "{{json .Config.Labels}}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(shown.stdout))


def test_a_push_becomes_two_tags_an_artifact_and_two_variables(
    account: Account, full_checkout: Checkout
) -> None:
    result = run(account, full_checkout)

    assert result.succeeded, result.log
    assert result.phase_names == ALL_PHASES
    assert account.data_plane.pushed == [FIRST[:12], "latest"]
    tags = account.store.tags()
    assert set(tags) == {FIRST[:12], "latest"}
    assert len(set(tags.values())) == 1
    assert result.exported == {"IMAGE_TAG": FIRST[:12], "IMAGE_DIGEST": tags["latest"]}
    assert labels(f"{account.repository_uri}:latest") == {
        "llm-service.test": "buildspec",
        "revision": FIRST,
        "torch": "2.13.0",
        "index": "https://index.example/cpu",
        "python": "3.11",
    }
    assert result.artifact is not None
    assert set(zipfile.ZipFile(result.artifact).namelist()) >= {
        "LlmServiceCicdPipelineStack.configuration.json",
        "LlmServiceCicdPipelineStack.template.json",
        "LlmServiceInfraStack.configuration.json",
        "LlmServiceInfraStack.template.json",
        "LlmServiceSmokeTestStack.template.json",
    }
    assert [path.name for path in result.reports["tests"]] == ["test-report.xml"]


def test_a_second_build_of_the_same_commit_passes_and_pushes_nothing(
    account: Account, checkout: Checkout
) -> None:
    first = run(account, checkout)
    account.forget_local_images()
    second = run(account, checkout)

    assert second.succeeded, second.log
    assert second.exported == first.exported
    assert account.data_plane.pushed == [FIRST[:12], "latest"]
    assert second.artifact is not None


def test_the_next_commit_takes_its_layers_and_latest_and_a_rerun_takes_latest_back(
    account: Account, checkout: Checkout
) -> None:
    older = run(account, checkout)
    account.forget_local_images()
    checkout.write("service/app.txt", "version 2\n")
    newer = run(account, checkout, SECOND)

    assert newer.succeeded, newer.log
    assert "Using cache" in newer.log or "CACHED" in newer.log
    assert account.store.tags()["latest"] == newer.exported["IMAGE_DIGEST"]

    again = run(account, checkout, FIRST)

    assert again.succeeded, again.log
    assert account.store.tags()["latest"] == older.exported["IMAGE_DIGEST"]
    assert account.data_plane.pushed == [FIRST[:12], "latest", SECOND[:12], "latest"]


@pytest.mark.parametrize("abort_is_heeded", [True, False])
def test_a_broken_dockerfile_pushes_nothing(
    account: Account, checkout: Checkout, abort_is_heeded: bool
) -> None:
    if not abort_is_heeded:
        checkout.replace("buildspec.yml", "on-failure: ABORT", "on-failure: CONTINUE")
    checkout.break_dockerfile()

    result = run(account, checkout)

    assert not result.succeeded
    assert result.phase_names == ALL_PHASES[: 3 if abort_is_heeded else 4]
    assert result.failure is not None
    assert "docker build" in result.failure.command
    assert "absent.txt" in result.failure.output
    assert account.store.tags() == {}


def test_a_failing_test_stops_the_build_before_the_image(
    account: Account, checkout: Checkout
) -> None:
    checkout.break_test()
    result = run(account, checkout)

    assert not result.succeeded
    assert result.phase_names == ALL_PHASES[:3]
    assert result.failure is not None
    assert "test_that_the_application_is_well" in result.failure.output
    assert "docker build" not in result.log
    assert account.store.tags() == {}


def test_a_template_that_does_not_lint_stops_the_build_before_the_tests(
    account: Account, full_checkout: Checkout
) -> None:
    full_checkout.break_template()
    result = run(account, full_checkout)

    assert not result.succeeded
    assert result.phase_names == ALL_PHASES[:3]
    assert result.failure is not None
    assert result.failure.command == "make templates"
    assert "AES-256" in result.failure.output
    assert "make test" not in result.log
    assert account.store.tags() == {}


def test_an_environment_without_configuration_is_named(
    account: Account, checkout: Checkout
) -> None:
    result = run(account, checkout, ENVIRONMENT_NAME="staging")
    assert result.failure is not None
    assert "config/staging.LlmServiceInfraStack.json" in result.failure.output
    assert account.store.tags() == {}


def test_a_refused_login_stops_before_anything_is_built(
    account: Account, checkout: Checkout
) -> None:
    checkout.replace("buildspec.yml", "aws ecr get-login-password |", "echo wrong |")
    result = run(account, checkout)
    assert result.phase_names == ["install", "pre_build"]
    assert result.failure is not None
    assert "docker login" in result.failure.command


def test_a_refused_look_up_is_not_taken_for_an_absent_image(
    account: Account, checkout: Checkout
) -> None:
    result = run(account, checkout, ECR_REPOSITORY_NAME="not-there")
    assert result.phase_names == ["install", "pre_build"]
    assert "RepositoryNotFoundException" in result.log


def test_a_cuda_image_has_its_suffix_its_index_and_the_plain_tag_as_variable(
    account: Account, checkout: Checkout
) -> None:
    result = run(account, checkout, IMAGE_VARIANT="cuda")

    assert result.succeeded, result.log
    assert set(account.store.tags()) == {f"{FIRST[:12]}-cuda", "latest-cuda"}
    assert result.exported["IMAGE_TAG"] == FIRST[:12]
    assert labels(f"{account.repository_uri}:latest-cuda")["index"] == ""


def test_a_tag_that_another_pipeline_pushed_meanwhile_counts(
    account: Account, checkout: Checkout
) -> None:
    # The tag appears between the look-up and the push, as with two environments on one branch.
    racer = "docker tag $ECR_REPOSITORY_URI:$LATEST $ECR_REPOSITORY_URI:$IMAGE_TAG"
    checkout.replace(
        "buildspec.yml",
        "      # CodeBuild comes here after a failed build too.\n",
        f"      - {racer} && docker push --quiet $ECR_REPOSITORY_URI:$IMAGE_TAG\n",
    )
    result = run(account, checkout)
    assert result.succeeded, result.log
    assert "cannot be overwritten because the tag is immutable" in result.log
    assert result.exported["IMAGE_DIGEST"] == account.store.tags()[FIRST[:12]]
