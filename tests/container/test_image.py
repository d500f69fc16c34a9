"""What the built image holds, and what it must not hold."""

import json
import platform
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.container.conftest import ROOT, Build
from tests.container.container import docker

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def description(image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(docker("image", "inspect", image))[0]
    return found


def run(image: str, script: str) -> str:
    """Runs a shell script in a container of its own, as root so that nothing is hidden from it."""
    return docker("run", "--rm", "--network=none", "--user=0", image, "sh", "-euc", script)


def test_it_declares_how_it_is_run(description: dict[str, Any]) -> None:
    config = description["Config"]
    assert config["User"] == "10001:10001"
    assert config["Cmd"] == ["python", "-m", "llm_service.main"]
    assert config["Entrypoint"] is None
    assert config["ExposedPorts"] == {"50051/tcp": {}}
    assert config["Volumes"] == {"/models": {}}
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "healthcheck"]
    assert config["Labels"]["org.opencontainers.image.title"] == "llm-service"


def test_the_environment_holds_the_defaults_and_no_secret(description: dict[str, Any]) -> None:
    environment = dict(entry.split("=", 1) for entry in description["Config"]["Env"])
    assert environment["MODEL_NAME"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert environment["PORT"] == "50051"
    assert environment["HF_HOME"] == "/models/hub"
    assert not [name for name in environment if "TOKEN" in name or "SECRET" in name]


@pytest.mark.parametrize("program", ["pip", "pip3", "poetry", "gcc", "strip", "protoc"])
def test_no_tool_of_the_build_is_inside(image: str, program: str) -> None:
    assert run(image, f"command -v {program} || true") == ""


@pytest.mark.parametrize(
    "module", ["pip", "poetry", "ensurepip", "grpc_tools", "pytest", "troposphere"]
)
def test_no_module_of_the_build_is_inside(image: str, module: str) -> None:
    for python in ("/opt/venv/bin/python", "/usr/local/bin/python3"):
        found = run(
            image, f"{python} -c 'import importlib.util as u; print(u.find_spec(\"{module}\"))'"
        )
        assert found == "None"


def test_what_torch_does_not_need_at_run_time_is_gone(image: str) -> None:
    packages = "/opt/venv/lib/python3*/site-packages"
    listing = run(
        image,
        f"find {packages} -name '*.a' -o -path '*/torch/include' -o -path '*/torch/test'"
        f" -o -path '*/sympy/*/tests'",
    )
    assert listing == ""


def test_the_modules_that_every_start_imports_are_compiled(image: str) -> None:
    script = """
import sys, llm_service, torch, transformers.models.llama.modeling_llama
loaded = [m.__spec__ for m in list(sys.modules.values()) if getattr(m, "__spec__", None)]
sources = {s.cached for s in loaded if s.has_location and (s.origin or "").endswith(".py")}
import os
print(len(sources), sorted(filter(lambda path: path and not os.path.exists(path), sources)))
"""
    count, missing = docker("run", "--rm", image, "python", "-c", script).split(" ", 1)
    assert int(count) > 500
    assert missing == "[]"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the kernels are for x86")
def test_the_kernels_are_built_for_every_processor_and_load_on_this_one(image: str) -> None:
    script = """
from llm_service.kernels.instruction_set import INSTRUCTION_SETS
from llm_service.kernels.build import library_path
from llm_service.kernels.kernel_library import KernelLibrary
assert all(library_path(one).is_file() for one in INSTRUCTION_SETS)
print([KernelLibrary(one).instruction_set.name for one in INSTRUCTION_SETS if one.runs_here()])
"""
    loaded = docker("run", "--rm", image, "python", "-c", script)
    assert "'avx2'" in loaded


def test_nothing_outside_models_and_temporary_folders_belongs_to_the_user(image: str) -> None:
    owned = run(
        image,
        "find / -xdev \\( -user 10001 -o -group 10001 -o -perm -o+w ! -type l \\)"
        " ! -path '/proc/*' ! -path '/dev/*' -print",
    )
    assert set(owned.split()) <= {"/models", "/models/hub", "/tmp", "/var/tmp", "/run/lock"}


def test_no_file_of_the_checkout_but_the_server_reaches_it(image: str) -> None:
    assert set(run(image, "ls /app").split()) == {"llm", "llm_service"}
    assert run(image, "ls /build 2>/dev/null || true") == ""


def test_the_image_keeps_to_its_size(description: dict[str, Any]) -> None:
    base = int(docker("image", "inspect", "--format", "{{.Size}}", "python:3.11-slim"))
    if "+cpu" not in docker(
        "run", "--rm", description["Id"], "python", "-c", "import torch; print(torch.__version__)"
    ):
        pytest.skip("the size is set for torch's CPU build, and this image has another one")
    assert description["Size"] - base < 800e6, "what the image adds to python:3.11-slim, in bytes"


def test_an_edit_of_our_code_changes_the_last_layer_alone(
    build: Build, image: str, tmp_path: Path
) -> None:
    for name in ("Makefile", ".dockerignore"):
        shutil.copy2(ROOT / name, tmp_path)
    for name in ("service", "protos", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    edited = tmp_path / "service" / "llm_service" / "__init__.py"
    edited.write_text(edited.read_text() + "\n# edited\n")

    tag = "llm-service:test-edited"
    build.make_image(tag, tmp_path)
    try:
        before, after = (
            json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", name))
            for name in (image, tag)
        )
    finally:
        docker("image", "rm", tag)
    assert after[:-1] == before[:-1]
    assert after[-1] != before[-1]
