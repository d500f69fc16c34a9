from __future__ import annotations

import pytest

from deployment.errors import UsageError
from deployment.stack_name import check_stack_name


@pytest.mark.parametrize("name", ["LlmServiceInfraStack", "a", "a-1", "A" * 128])
def test_accepts_names_that_cloudformation_accepts(name: str) -> None:
    assert check_stack_name(name) == name


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("my_stack", "my-stack"),
        ("my stack", "my-stack"),
        ("1st", "stack-1st"),
        ("_", "stack"),
        ("", "stack"),
        ("a" * 129, "a" * 128),
        ("größe", "gr-e"),
        ("name\n", "name"),
    ],
)
def test_refuses_others_and_suggests_one_that_is_accepted(name: str, suggestion: str) -> None:
    with pytest.raises(UsageError, match="is not allowed") as refused:
        check_stack_name(name)
    assert refused.value.remedy == f"use {suggestion!r}"
    assert check_stack_name(suggestion) == suggestion
