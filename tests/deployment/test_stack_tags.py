from __future__ import annotations

import pytest

from deployment.errors import UsageError
from deployment.stack_tags import check_tags


def test_accepts_what_every_service_accepts() -> None:
    tags = {"team": "search", "cost:center/a.b_c+d-e@f": "x = y", "größe": "", "k" * 128: "v" * 256}
    assert check_tags(tags) == tags


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("", "x", "1 to 128 characters, this one 0"),
        ("k" * 129, "x", "1 to 128 characters, this one 129"),
        ("key", "v" * 257, "at most 256 characters, this one 257"),
        ("aws:cloudformation:stack-name", "x", "belong to AWS"),
        ("AWS:x", "x", "belong to AWS"),
        ("a*b", "x", r"not allowed: \*"),
        ("key", "a;b,c", "not allowed: , ;"),
    ],
)
def test_refuses_a_bad_tag_by_name_and_rule(key: str, value: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as refused:
        check_tags({"good": "tag", key: value})
    assert repr(key) in refused.value.what


def test_refuses_more_tags_than_a_stack_takes() -> None:
    assert len(check_tags({f"key{number}": "" for number in range(50)})) == 50
    with pytest.raises(UsageError, match="51 tags are too many"):
        check_tags({f"key{number}": "" for number in range(51)})
