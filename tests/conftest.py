"""Spreads the tests over workers so that what shares a costly fixture stays on one of them."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent


# First, because xdist reads the groups in its own hook of the same name.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts each test into its worker's group.

    Tests of the Docker engine share its images and its registry: side by side they would build the
    same layers twice. All others stay together by file, because fixtures of a module are costly.
    """
    for item in items:
        needs_engine = item.get_closest_marker("docker") is not None
        group = "docker" if needs_engine else str(item.path.relative_to(ROOT))
        item.add_marker(pytest.mark.xdist_group(group))
