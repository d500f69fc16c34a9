from __future__ import annotations

import pytest

from deployment.errors import UsageError
from deployment.key_values import parse_key_values


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("Key=plain", "plain"),
        ("Key=a,b,c", "a,b,c"),
        ("Key=two words, and a comma", "two words, and a comma"),
        ("Key=a=b==", "a=b=="),
        ("Key=", ""),
        ("Key= leading and trailing ", " leading and trailing "),
        ('Key={"json": [1, 2]}', '{"json": [1, 2]}'),
        ("Key=$HOME `ls` 'q' \"q\"", "$HOME `ls` 'q' \"q\""),
        ("Key=Grüße", "Grüße"),
    ],
)
def test_everything_after_the_first_equals_sign_is_the_value(argument: str, value: str) -> None:
    assert parse_key_values([argument], option="--parameter") == {"Key": value}


@pytest.mark.parametrize("argument", ["Key", "=value", " =value"])
def test_refuses_what_has_no_key_or_no_value(argument: str) -> None:
    with pytest.raises(UsageError, match="is not KEY=VALUE") as refused:
        parse_key_values([argument], option="--tag")
    assert refused.value.where == "--tag"
    assert "--tag 'Key=" in refused.value.remedy


def test_refuses_two_values_for_one_key_and_allows_the_same_twice() -> None:
    assert parse_key_values(["A=1", "A=1"], option="-p") == {"A": "1"}
    with pytest.raises(UsageError, match="A is given twice, as '1' and '2'"):
        parse_key_values(["A=1", "A=2"], option="-p")
