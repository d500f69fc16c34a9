import itertools

from hypothesis import example, given
from hypothesis import strategies as st

from llm_service.engine.stop_matcher import StopMatcher

TEXTS = st.text(alphabet="ab<", max_size=30)
STOPS = st.lists(st.text(alphabet="ab<", min_size=1, max_size=5), max_size=4)


def expected(text: str, stops: list[str]) -> tuple[str, str | None]:
    """Character by character: the first stop string that is complete, the longest of several."""
    for end in range(1, len(text) + 1):
        complete = [stop for stop in stops if text[:end].endswith(stop)]
        if complete:
            longest = max(complete, key=len)
            return text[: end - len(longest)], longest
    return text, None


def cut(text: str, places: list[int]) -> list[str]:
    bounds = [0, *sorted(place % (len(text) + 1) for place in places), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(bounds)]


@given(text=TEXTS, stops=STOPS, places=st.lists(st.integers(0, 30)))
@example(text="aab", stops=["ab"], places=[1, 2])
@example(text="abcd", stops=["abcd", "bc"], places=[])
def test_pieces_do_not_matter(text: str, stops: list[str], places: list[int]) -> None:
    matcher = StopMatcher(stops)
    shown = "".join(matcher.feed(piece) for piece in cut(text, places))
    shown += matcher.flush()
    assert (shown, matcher.matched) == expected(text, stops)


@given(text=TEXTS, stops=STOPS)
def test_what_is_held_back_could_become_a_stop_string(text: str, stops: list[str]) -> None:
    matcher = StopMatcher(stops)
    shown = ""
    for length, character in enumerate(text, start=1):
        shown += matcher.feed(character)
        if matcher.matched is not None:
            return
        held = text[len(shown) : length]
        assert not held or any(stop.startswith(held) and stop != held for stop in stops)


def test_holds_back_only_a_proper_prefix() -> None:
    matcher = StopMatcher(["</answer>"])
    assert matcher.feed("1 < 2") == "1 < 2"
    assert matcher.feed(" <") == " "
    assert matcher.feed("/ans") == ""
    assert matcher.feed("!") == "</ans!"
    assert matcher.feed("</answer> more") == ""
    assert matcher.matched == "</answer>"
    assert matcher.feed("anything") == ""
    assert matcher.flush() == ""
