from __future__ import annotations

import threading
from typing import Any

import torch


class Brake:
    """Holds a model's steps up, as a machine does that is slow or stuck.

    Attributes:
        step_sizes: Number of tokens that each step read so far.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        self._go = threading.Event()
        self._go.set()
        self._seconds = 0.0
        self.step_sizes: list[int] = []
        model.register_forward_pre_hook(self._hold, with_kwargs=True)

    def pull(self) -> None:
        """Stops the model before its next step."""
        self._go.clear()

    def release(self) -> None:
        """Lets it go on."""
        self._go.set()

    def slow_down(self, seconds: float) -> None:
        """Makes every step take so much longer."""
        self._seconds = seconds

    def _hold(self, _module: torch.nn.Module, _positional: Any, named: dict[str, Any]) -> None:
        self._go.wait()
        self.step_sizes.append(named["input_ids"].numel())
        if self._seconds:
            threading.Event().wait(self._seconds)
