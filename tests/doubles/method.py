from __future__ import annotations

from collections.abc import Callable
from typing import Any


def as_method(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function that, as a class's attribute, passes the instance on to `handler`.

    A bound method would not do: Python does not bind it a second time.
    """

    def method(instance: Any, *args: Any, **parameters: Any) -> Any:
        return handler(instance, *args, **parameters)

    return method
