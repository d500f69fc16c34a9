import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel

from tests.service.engine.answers import PATIENCE_SECONDS


class Gate:
    """Holds a model's forwards while it is closed, so that tests see an engine in mid-step."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self._open = threading.Event()
        self._open.set()
        self._reached = threading.Event()
        model.register_forward_pre_hook(self._pass)

    @contextmanager
    def closed(self) -> Iterator[None]:
        """The forward that comes next stands still until the end of the block."""
        self._reached.clear()
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def wait_for_step(self) -> None:
        """Waits until a forward stands at the closed gate."""
        assert self._reached.wait(PATIENCE_SECONDS), "no step was made"

    def _pass(self, _module: torch.nn.Module, _arguments: object) -> None:
        if not self._open.is_set():
            self._reached.set()
            assert self._open.wait(PATIENCE_SECONDS), "the gate was not opened"
