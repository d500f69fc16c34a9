from __future__ import annotations

import sys

from llm_service.client.chat_delta import ChatDelta

_DIM, _PLAIN = "\033[2m", "\033[0m"
_CLEAR_LINE = "\r\033[K"
_WAIT_LINE_SECONDS = 5.0


class Terminal:
    """Writes an answer to standard output, and everything about it to standard error."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._last_wait: float | None = None
        self._shows_reasoning = False

    def show_wait(self, seconds: float, state: str) -> None:
        """Tells what is waited for: in place on a terminal, a line every five seconds elsewhere."""
        text = f"waiting for the model: {seconds:.0f} s, {state}"
        if self._is_terminal:
            print(f"{_CLEAR_LINE}{text}", end="", file=sys.stderr, flush=True)
            self._last_wait = seconds
        elif seconds - (self._last_wait or 0) >= _WAIT_LINE_SECONDS:
            print(text, file=sys.stderr, flush=True)
            self._last_wait = seconds

    def end_wait(self) -> None:
        """Takes the waiting line off the terminal."""
        if self._is_terminal and self._last_wait is not None:
            print(_CLEAR_LINE, end="", file=sys.stderr, flush=True)
        self._last_wait = None

    def show(self, delta: ChatDelta) -> None:
        """Writes a piece of the answer; reasoning goes to standard error, dimmed."""
        if delta.reasoning:
            dimmed = f"{_DIM}{delta.reasoning}{_PLAIN}" if self._is_terminal else delta.reasoning
            print(dimmed, end="", file=sys.stderr, flush=True)
            self._shows_reasoning = True
        if delta.content:
            if self._shows_reasoning:
                print("\n", file=sys.stderr, flush=True)
                self._shows_reasoning = False
            print(delta.content, end="", flush=True)

    def show_figures(self, last: ChatDelta, *, start: float, first: float, end: float) -> None:
        """Ends the answer's line and tells how long it took.

        Args:
            last: The answer's last piece.
            start: When the question was sent, in seconds of any one clock.
            first: When the first piece came.
            end: When the last piece came.
        """
        print(flush=True)
        # The first token is the prompt's work: the rate is that of the others.
        others = last.completion_tokens - 1
        rate = f", {others / (end - first):.1f} tokens/s" if others > 0 and end > first else ""
        print(
            f"[{last.finish_reason}: {last.prompt_tokens} prompt tokens, "
            f"{last.completion_tokens} completion tokens, first after {first - start:.2f} s{rate}]",
            file=sys.stderr,
            flush=True,
        )
