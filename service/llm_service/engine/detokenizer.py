from transformers import PreTrainedTokenizerBase

# What a tokenizer writes for bytes that are not, or not yet, a whole character.
REPLACEMENT_CHARACTER = "\ufffd"


class Detokenizer:
    """Turns tokens into text one by one, at a cost that does not grow with the text.

    Only a window of the last tokens is decoded again. It begins at `_prefix_offset`, before
    tokens whose text is already out, because tokenizers treat a text's beginning specially (some
    drop a leading space). A character whose bytes are spread over several tokens is held back
    until it is whole. The pieces joined equal the decoding of all tokens at once. (One exception:
    some tokenizers decode a run of single bytes to nothing but replacement characters if it ends
    in invalid ones; then the characters before those, which are out, stay.)
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._token_ids: list[int] = []
        self._prefix_offset = 0
        self._read_offset = 0
        # Number of characters of the window's text that are out.
        self._num_emitted = 0

    def feed(self, token_id: int) -> str:
        """Takes the next token.

        Args:
            token_id: The token.

        Returns:
            The text that is certain by now, often empty or several characters.
        """
        self._token_ids.append(token_id)
        text = self._decode(self._prefix_offset, len(self._token_ids))
        # Later bytes can still change a trailing run of replacement characters, nothing before it.
        certain = text.rstrip(REPLACEMENT_CHARACTER)
        piece = certain[self._num_emitted :]
        self._num_emitted += len(piece)
        if piece and certain == text:
            self._move_window()
        return piece

    def flush(self) -> str:
        """What is held back, once no more tokens come."""
        text = self._decode(self._prefix_offset, len(self._token_ids))
        piece = text[self._num_emitted :]
        self._num_emitted += len(piece)
        return piece

    def _move_window(self) -> None:
        self._prefix_offset, self._read_offset = self._read_offset, len(self._token_ids)
        self._num_emitted = len(self._decode(self._prefix_offset, self._read_offset))

    def _decode(self, start: int, end: int) -> str:
        text = self._tokenizer.decode(
            self._token_ids[start:end],
            skip_special_tokens=True,
            clean_up_tokenization_spaces=False,
        )
        assert isinstance(text, str)
        return text
