"""The three lock files agree with each other, and every pin is checked by hash."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PIN = re.compile(r"^(?P<name>[a-z0-9._-]+)==(?P<version>[^ ;\\]+)", re.MULTILINE)


def pins(file_name: str) -> dict[str, set[str]]:
    """Returns the versions that a requirements file pins for each package.

    A package has two versions where an older Python needs an older release.
    """
    found: dict[str, set[str]] = {}
    for match in PIN.finditer((ROOT / "requirements" / file_name).read_text()):
        found.setdefault(match["name"], set()).add(match["version"])
    return found


def poetry_lock_pins() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    text = (ROOT / "service" / "poetry.lock").read_text()
    for name, version in re.findall(
        r'^\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"', text, re.MULTILINE
    ):
        found.setdefault(name.lower(), set()).add(version)
    return found


def test_the_exported_requirements_are_those_of_the_poetry_lock() -> None:
    exported = pins("service.txt")
    locked = poetry_lock_pins()
    assert len(exported) > 30
    assert exported == {
        name: versions & locked.get(name, set()) for name, versions in exported.items()
    }


def test_the_tools_use_the_very_versions_that_the_server_uses() -> None:
    service, dev = pins("service.txt"), pins("dev.txt")
    shared = service.keys() & dev.keys()
    assert "boto3" in shared
    differing = {name for name in shared if not dev[name] <= service[name]}
    assert differing == set()


def test_torch_is_in_no_lock_because_its_builds_differ_only_by_index() -> None:
    for found in (pins("service.txt"), pins("dev.txt"), poetry_lock_pins()):
        assert "torch" not in found


@pytest.mark.parametrize("file_name", ["service.txt", "dev.txt", "lock.txt", "poetry.txt"])
def test_every_pin_is_followed_by_a_hash(file_name: str) -> None:
    text = (ROOT / "requirements" / file_name).read_text()
    joined = text.replace("\\\n", " ")
    for line in joined.splitlines():
        if PIN.match(line):
            assert "--hash=sha256:" in line, line


@pytest.mark.parametrize("file_name", ["service.txt", "dev.txt", "lock.txt", "poetry.txt"])
def test_no_lock_names_an_index(file_name: str) -> None:
    text = (ROOT / "requirements" / file_name).read_text()
    assert "-index-url" not in re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    assert "://" not in text
