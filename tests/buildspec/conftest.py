from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from templates.pipeline.image_tags import MOVING_TAGS
from tests.buildspec.checkout import Checkout
from tests.ecr.account import Account
from tests.ecr.registry_process import RegistryProcess


@pytest.fixture(scope="session")
def docker_engine() -> None:
    """Skips where no Docker engine answers."""
    try:
        answer = subprocess.run(
            ["docker", "info", "--format", "{{.ServerVersion}}"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("no docker command")
    if answer.returncode:
        pytest.skip(f"no Docker engine answers: {answer.stderr.strip()}")


@pytest.fixture
def account(docker_engine: None, registry_account: Account) -> Account:
    """An account that builds on the Docker engine push to."""
    return registry_account


@pytest.fixture
def registry_account(tmp_path: Path) -> Iterator[Account]:
    """An account with an image registry; needs no Docker engine."""
    if reason := RegistryProcess.why_not():
        pytest.skip(reason)
    folder = tmp_path / "account"
    folder.mkdir()
    account = Account(folder, MOVING_TAGS)
    try:
        yield account
    finally:
        account.close()


@pytest.fixture
def full_checkout(tmp_path: Path) -> Checkout:
    """The repository with its own generator."""
    return Checkout(tmp_path / "source")


@pytest.fixture
def checkout(full_checkout: Checkout) -> Checkout:
    """The repository with a generator that takes no time."""
    full_checkout.take_quick_generator()
    return full_checkout
