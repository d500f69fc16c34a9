from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

START_TAG = "<think>"
END_TAG = "</think>"


@dataclass(frozen=True)
class AnswerDelta:
    """A piece of an answer; both parts may be empty."""

    reasoning: str = ""
    content: str = ""


class _State(Enum):
    UNDECIDED = auto()  # nothing but white space and a part of the start tag so far
    REASONING = auto()
    BEFORE_CONTENT = auto()  # only white space of the answer so far
    CONTENT = auto()


class ReasoningSplitter:
    """Splits a model's text, piece by piece, into reasoning and answer.

    The text may open with the start tag, or the prompt has opened the block already; the first end
    tag closes it. Later tags are plain text. White space around the reasoning and before the answer
    is dropped. However the text is cut into pieces, the joined deltas are the same.
    """

    def __init__(self, *, starts_in_reasoning: bool) -> None:
        """Starts a new answer.

        Args:
            starts_in_reasoning: Whether the prompt ends inside an opened reasoning block.
        """
        self._state = _State.REASONING if starts_in_reasoning else _State.UNDECIDED
        self._held = ""
        self._reasoning_begun = False

    @classmethod
    def without_tags(cls) -> ReasoningSplitter:
        """Returns one for a model that knows no reasoning: tags in its text are text."""
        splitter = cls(starts_in_reasoning=False)
        splitter._state = _State.BEFORE_CONTENT
        return splitter

    @property
    def in_reasoning(self) -> bool:
        """Whether the text so far ends inside the reasoning."""
        return self._state is _State.REASONING

    def feed(self, text: str) -> AnswerDelta:
        """Takes more of the text.

        Args:
            text: What follows the text given before.

        Returns:
            What is certain now. Text that may be part of a tag is held back.
        """
        self._held += text
        reasoning = content = ""
        if self._state is _State.UNDECIDED:
            self._decide()
        if self._state is _State.REASONING:
            reasoning = self._take_reasoning()
        if self._state is _State.BEFORE_CONTENT:
            self._held = self._held.lstrip()
            if self._held:
                self._state = _State.CONTENT
        if self._state is _State.CONTENT:
            content, self._held = self._held, ""
        return AnswerDelta(reasoning, content)

    def finish(self) -> AnswerDelta:
        """Ends the answer and returns what was held back."""
        held, self._held = self._held, ""
        if self._state is _State.UNDECIDED:
            return AnswerDelta(content=held.lstrip())
        if self._state is _State.REASONING:
            return AnswerDelta(reasoning=held.rstrip() if self._reasoning_begun else held.strip())
        return AnswerDelta()

    def _decide(self) -> None:
        stripped = self._held.lstrip()
        if stripped.startswith(START_TAG):
            self._state = _State.REASONING
            self._held = stripped[len(START_TAG) :]
        elif not START_TAG.startswith(stripped):
            self._state = _State.BEFORE_CONTENT

    def _take_reasoning(self) -> str:
        if not self._reasoning_begun:
            self._held = self._held.lstrip()
        before, tag, after = self._held.partition(END_TAG)
        if tag:
            self._state = _State.BEFORE_CONTENT
            self._held = after
            return before.rstrip()
        certain = before[: len(before) - _partial_suffix_length(before, END_TAG)].rstrip()
        self._held = before[len(certain) :]
        self._reasoning_begun = self._reasoning_begun or bool(certain)
        return certain


def _partial_suffix_length(text: str, tag: str) -> int:
    """Length of the longest proper prefix of `tag` that `text` ends with."""
    return next(
        (n for n in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:n])), 0
    )
