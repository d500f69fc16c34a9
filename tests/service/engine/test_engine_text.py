"""Texts through the whole engine: stop strings and characters spread over tokens."""

from collections.abc import Callable

import pytest
from transformers import PreTrainedTokenizerFast

from llm_service.engine.finish_reason import FinishReason
from llm_service.engine.sampling_params import SamplingParams
from tests.doubles.tiny_model import make_scripted_model
from tests.service.engine.answers import Answer, submit
from tests.service.engine.conftest import StartEngine

# No byte comes twice, because the scripted model goes by the last token alone.
EMOJI, HANGUL = "👧", "한"
Ask = Callable[..., Answer]


@pytest.fixture
def ask(byte_tokenizer: PreTrainedTokenizerFast, start_engine: StartEngine) -> Ask:
    """Asks a model that answers ">" with a given text."""

    def ask(text: str, **options: object) -> Answer:
        model = make_scripted_model(byte_tokenizer, {">": [text]})
        prompt = byte_tokenizer.encode(">", add_special_tokens=False)
        sampling = SamplingParams(**{"max_tokens": 100, "temperature": 0, **options})
        return submit(start_engine(model), prompt, sampling).wait()

    return ask


def test_the_deltas_joined_are_the_text(ask: Ask) -> None:
    answer = ask("How vexingly!")
    assert answer.text == "How vexingly!"
    assert answer.finish_reason is FinishReason.STOP
    assert answer.last.stop is None
    assert answer.last.completion_tokens == len("How vexingly!") + 1


@pytest.mark.parametrize("character", [EMOJI, HANGUL])
def test_a_character_comes_whole_with_its_last_byte(ask: Ask, character: str) -> None:
    answer = ask(f"a{character}b")
    num_bytes = len(character.encode())
    assert [output.text for output in answer.outputs] == [
        "a",
        *[""] * (num_bytes - 1),
        character,
        "b",
        "",
    ]


def test_a_character_cut_off_by_max_tokens_is_shown_as_invalid(ask: Ask) -> None:
    answer = ask(HANGUL, max_tokens=2)
    assert answer.finish_reason is FinishReason.LENGTH
    assert answer.text == "\ufffd"


def test_nothing_of_a_stop_string_across_tokens_is_shown(ask: Ask) -> None:
    answer = ask("abcdefgh", stop=("xyz", "def"))
    assert answer.text == "abc"
    assert answer.finish_reason is FinishReason.STOP
    assert answer.last.stop == "def"
    assert answer.last.completion_tokens == len("abcdef")
    assert [output.text for output in answer.outputs] == ["a", "b", "c", "", "", ""]


def test_what_only_looked_like_a_stop_string_is_shown(ask: Ask) -> None:
    answer = ask("abcdefgh", stop=("dex",))
    assert answer.text == "abcdefgh"
    assert [output.text for output in answer.outputs] == [*"abc", "", "", "def", "g", "h", ""]


def test_a_stop_string_held_back_at_the_end_is_shown(ask: Ask) -> None:
    assert ask("abcde", stop=("defg",)).text == "abcde"
    assert ask("abcdefgh", stop=("defg",), max_tokens=5).text == "abcde"


def test_a_stop_string_of_split_characters(ask: Ask) -> None:
    answer = ask(f"a{HANGUL}b", stop=(HANGUL,))
    assert answer.text == "a"
    assert answer.last.stop == HANGUL


def test_a_stop_string_does_not_count_before_min_tokens(ask: Ask) -> None:
    answer = ask("abcdefgh", stop=("b", "f"), min_tokens=4)
    assert answer.text == "abcde"
    assert answer.last.stop == "f"


def test_the_end_of_sequence_token_is_banned_before_min_tokens(ask: Ask) -> None:
    assert ask("abc", min_tokens=10).last.completion_tokens >= 10
