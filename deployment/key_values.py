from __future__ import annotations

from collections.abc import Iterable

from deployment.errors import UsageError


def parse_key_values(pairs: Iterable[str], *, option: str) -> dict[str, str]:
    """Reads KEY=VALUE arguments; everything after the first `=` is the value, as it stands.

    Commas, spaces and further `=` belong to the value: it goes to the API and never through a
    shell or a list syntax.

    Args:
        pairs: Arguments as given.
        option: The option's name, for messages.

    Raises:
        UsageError: An argument without `=` or key, or one key with two values.
    """
    values: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(
                f"{pair!r} is not KEY=VALUE",
                where=option,
                remedy=f"write it in one argument, quoted: {option} 'Key=value with spaces'",
            )
        key = key.strip()
        if values.get(key, value) != value:
            raise UsageError(
                f"{key} is given twice, as {values[key]!r} and {value!r}",
                where=option,
                remedy=f"give {key} once; a list is one value: {option} {key}=a,b",
            )
        values[key] = value
    return values
