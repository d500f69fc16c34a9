from __future__ import annotations

import threading
from collections.abc import Sequence

from llm_service.engine.engine import Engine
from llm_service.engine.scheduled_chunk import ScheduledChunk


class Brake:
    """Holds an engine's steps up, as a machine does that is slow or stuck.

    Attributes:
        step_sizes: Number of tokens that each step read so far.
    """

    def __init__(self, engine: Engine) -> None:
        self._changed = threading.Condition()
        self._is_pulled = False
        self._steps_allowed = 0
        self._seconds = 0.0
        self.step_sizes: list[int] = []
        runner = engine._core._runner
        run = runner.run

        def run_when_released(chunks: Sequence[ScheduledChunk]) -> object:
            self._wait()
            threading.Event().wait(self._seconds)
            self.step_sizes.append(sum(len(chunk.token_ids) for chunk in chunks))
            return run(chunks)

        runner.run = run_when_released  # type: ignore[assignment, method-assign]  # that is the point

    def pull(self) -> None:
        """Stops the engine before its next step."""
        with self._changed:
            self._is_pulled = True

    def release(self) -> None:
        """Lets it go on."""
        with self._changed:
            self._is_pulled = False
            self._changed.notify_all()

    def let_pass(self, steps: int) -> None:
        """Lets it do so many steps and no more, while the brake is pulled."""
        with self._changed:
            self._steps_allowed += steps
            self._changed.notify_all()

    def slow_down(self, seconds: float) -> None:
        """Makes every step take so much longer."""
        self._seconds = seconds

    def _wait(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._is_pulled or self._steps_allowed > 0)
            if self._is_pulled:
                self._steps_allowed -= 1
