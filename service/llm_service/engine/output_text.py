from collections.abc import Sequence as SequenceOf

from transformers import PreTrainedTokenizerBase

from llm_service.engine.detokenizer import Detokenizer
from llm_service.engine.stop_matcher import StopMatcher


class OutputText:
    """The text of one answer: tokens in, text without stop strings out."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stops: SequenceOf[str]) -> None:
        self._detokenizer = Detokenizer(tokenizer)
        self._stops = StopMatcher(stops)

    @property
    def matched_stop(self) -> str | None:
        """The stop string that ended the text; None while there is none."""
        return self._stops.matched

    def feed(self, token_id: int, *, may_stop: bool = True) -> str:
        """Takes the next token.

        Args:
            token_id: The token.
            may_stop: False shows stop strings as text.

        Returns:
            The text that can be shown by now.
        """
        piece = self._detokenizer.feed(token_id)
        return self._stops.feed(piece) if may_stop else piece

    def finish(self) -> str:
        """What was held back, once no more tokens come. It may still match a stop string."""
        piece = self._stops.feed(self._detokenizer.flush())
        return piece + self._stops.flush()
