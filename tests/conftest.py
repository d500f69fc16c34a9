"""What holds for all tests: how they are spread over workers, and what none inherits."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# Side by side, tests of the Docker engine would build the same layers twice.
DOCKER_TESTS = ("tests/buildspec/", "tests/container/", "tests/templates/infra/test_user_data_run")


def worker_group(node_id: str) -> str:
    """Names the group of a test, all of which runs on one worker.

    A group is a file, because a module's fixtures are costly, or all that needs the Docker engine.
    """
    return "docker" if node_id.startswith(DOCKER_TESTS) else node_id.split("::", 1)[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Hands tests to workers by group; a large one is begun first."""
    from xdist.scheduler import LoadScopeScheduling

    class GroupScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return worker_group(nodeid)

    return GroupScheduling(config, log)


@pytest.fixture(autouse=True)
def _no_inherited_aws_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives each test AWS credentials of its own.

    boto3 keeps a session for the whole process, with the credentials of whoever called first.
    """
    if "boto3" in sys.modules:
        monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
