from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_service.chat.reasoning_splitter import AnswerDelta, ReasoningSplitter

# Texts in which tags, parts of tags and white space are likely.
TEXTS = st.lists(
    st.sampled_from(["<think>", "</think>", "<", "</", "think>", " ", "\n", "a", "b c", "😀"]),
    max_size=12,
).map("".join)


def split(pieces: Sequence[str], *, starts_in_reasoning: bool = False) -> AnswerDelta:
    splitter = ReasoningSplitter(starts_in_reasoning=starts_in_reasoning)
    deltas = [*map(splitter.feed, pieces), splitter.finish()]
    return AnswerDelta(
        "".join(delta.reasoning for delta in deltas), "".join(delta.content for delta in deltas)
    )


@pytest.mark.parametrize(
    ("text", "reasoning", "content"),
    [
        ("plain", "", "plain"),
        ("", "", ""),
        ("<think>why</think>because", "why", "because"),
        ("<think>\nwhy\n\nso\n</think>\n\nbecause\n", "why\n\nso", "because\n"),
        ("\n<think>why</think>because", "why", "because"),
        ("<think></think>because", "", "because"),
        ("<think>\n\n</think>\n\nbecause", "", "because"),
        ("<think>cut off", "cut off", ""),
        ("<think>cut </thi", "cut </thi", ""),
        ("<thin", "", "<thin"),
        ("<thinking> aloud", "", "<thinking> aloud"),
        ("say <think> aloud", "", "say <think> aloud"),
        ("no start</think>end", "", "no start</think>end"),
        ("<think>a</think>b</think>c", "a", "b</think>c"),
        ("<think>a<think>b</think>c", "a<think>b", "c"),
        ("<think>a < b </ c</think>d", "a < b </ c", "d"),
    ],
)
def test_a_text_that_decides_by_itself(text: str, reasoning: str, content: str) -> None:
    assert split([text]) == AnswerDelta(reasoning, content)


@pytest.mark.parametrize(
    ("text", "reasoning", "content"),
    [
        ("why</think>because", "why", "because"),
        ("\nwhy\n</think>\n\nbecause", "why", "because"),
        ("</think>because", "", "because"),
        ("never ends", "never ends", ""),
        ("a</think>b</think>c", "a", "b</think>c"),
    ],
)
def test_a_text_after_a_prompt_that_opened_the_reasoning(
    text: str, reasoning: str, content: str
) -> None:
    assert split([text], starts_in_reasoning=True) == AnswerDelta(reasoning, content)


@given(text=TEXTS, cuts=st.lists(st.integers(0, 80)), starts_in_reasoning=st.booleans())
@example(text="<think>a</think>b", cuts=list(range(20)), starts_in_reasoning=False)
def test_however_the_text_is_cut_the_result_is_the_same(
    text: str, cuts: list[int], starts_in_reasoning: bool
) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[a:b] for a, b in pairwise(places)]
    assert split(pieces, starts_in_reasoning=starts_in_reasoning) == split(
        [text], starts_in_reasoning=starts_in_reasoning
    )


@given(text=TEXTS)
def test_nothing_but_tags_and_white_space_is_lost(text: str) -> None:
    answer = split([text])

    def bare(part: str) -> str:
        return "".join(part.split())

    together = bare(answer.reasoning) + bare(answer.content)
    if bare(text).startswith("<think>"):
        rest = bare(text).removeprefix("<think>")
        assert together in (rest, rest.replace("</think>", "", 1))
    else:
        assert together == bare(text)


def test_text_comes_out_as_soon_as_it_is_certain() -> None:
    splitter = ReasoningSplitter(starts_in_reasoning=False)
    fed = ["<thi", "nk>", "a <", "b", " </thi", "nk>", "\n", "c", " d"]
    assert [splitter.feed(piece) for piece in fed] == [
        AnswerDelta(),
        AnswerDelta(),
        AnswerDelta("a"),
        AnswerDelta(" <b"),
        AnswerDelta(),
        AnswerDelta(),
        AnswerDelta(),
        AnswerDelta(content="c"),
        AnswerDelta(content=" d"),
    ]


def test_a_model_without_reasoning_keeps_its_tags() -> None:
    splitter = ReasoningSplitter.without_tags()
    assert splitter.feed(" <think>a</think>b") == AnswerDelta(content="<think>a</think>b")
    assert not splitter.in_reasoning
