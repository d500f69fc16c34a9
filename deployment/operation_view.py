from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from deployment.stack_event import StackEvent


class OperationView(Protocol):
    """Shows an operation on a stack while it runs."""

    def event(self, event: StackEvent, elapsed: timedelta) -> None:
        """Shows one event, and the time since the operation began."""

    def trouble(self, sentence: str) -> None:
        """Shows that AWS does not answer for the moment."""
