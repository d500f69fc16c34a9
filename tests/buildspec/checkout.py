from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

_COPIED = (
    "Makefile",
    "buildspec.yml",
    "buildspec-deploy.yml",
    "config",
    "deployment",
    "generate.py",
    "protos",
    "pyproject.toml",
    "requirements",
    "scripts",
    "setup.cfg",
    "templates",
)

# As small as an image can be: the build's rules are under test here, not the image.
_DOCKERFILE = """\
FROM scratch
LABEL llm-service.test=buildspec
ARG PYTHON_VERSION
ARG TORCH_VERSION
ARG TORCH_INDEX_URL
COPY protos /protos
COPY service/app.txt /app.txt
ARG IMAGE_REVISION
LABEL revision=$IMAGE_REVISION torch=$TORCH_VERSION index=$TORCH_INDEX_URL python=$PYTHON_VERSION
"""
# Writes files of the right names in no time, for tests of what stands around the generator.
_QUICK_GENERATOR = """\
import pathlib, sys
if sys.argv[1:] != ["lint"]:
    pathlib.Path("dist").mkdir(exist_ok=True)
    for name in ("Infra", "CicdPipeline", "SmokeTest"):
        pathlib.Path(f"dist/LlmService{name}Stack.template.json").write_text("{}")
"""
_TEST = "def test_that_the_application_is_well():\n    assert {}\n"


class Checkout:
    """A copy of this repository as a build machine gets it: without .git, and with a tiny image.

    The buildspec, the Makefile, the scripts, the generator and the configuration are the real
    ones. The virtual environment is this one, by links, so that no test installs anything.

    Args:
        folder: Where to lay it; it must not exist.

    Attributes:
        folder: The source folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "dist")
                shutil.copytree(source, folder / name, ignore=ignored)
            else:
                shutil.copy2(source, folder / name)
        self._link_environment()
        (folder / "service").mkdir()
        self.write("service/Dockerfile", _DOCKERFILE)
        self.write("service/app.txt", "version 1\n")
        self.write("tests/test_application.py", _TEST.format("True"))

    def take_quick_generator(self) -> None:
        """Puts a generator in place that takes no time and finds nothing to complain of."""
        self.write("generate.py", _QUICK_GENERATOR)

    def take_real_image(self) -> None:
        """Puts the real Dockerfile in place, with all that it copies."""
        ignored = shutil.ignore_patterns("__pycache__", "llm")
        shutil.copytree(
            ROOT / "service", self.folder / "service", ignore=ignored, dirs_exist_ok=True
        )
        shutil.copy2(ROOT / ".dockerignore", self.folder)

    def write(self, path: str, text: str) -> None:
        """Writes a file of the checkout."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        """Changes a text in a file of the checkout; it must be there."""
        text = (self.folder / path).read_text(encoding="utf-8")
        assert old in text, f"{path} has no {old!r}"
        self.write(path, text.replace(old, new))

    def break_dockerfile(self) -> None:
        """Makes the image impossible to build."""
        self.replace("service/Dockerfile", "COPY service/app.txt", "COPY service/absent.txt")

    def break_test(self) -> None:
        """Makes a test fail."""
        self.write("tests/test_application.py", _TEST.format("False"))

    def break_template(self) -> None:
        """Makes a template that CloudFormation would refuse."""
        self.replace("templates/pipeline/artifact_store.py", '"AES256"', '"AES-256"')

    def _link_environment(self) -> None:
        venv = self.folder / ".venv"
        venv.mkdir()
        for name in ("bin", "include", "lib", "pyvenv.cfg"):
            if (Path(sys.prefix) / name).exists():
                (venv / name).symlink_to(Path(sys.prefix) / name)
        # Through these links make would install into the environment that the tests run in. So it
        # finds nothing to install, and could not.
        self.write("scripts/install-venv", "echo tests install nothing; exit 1\n")
        (venv / "installed").touch()
