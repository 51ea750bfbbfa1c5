"""Text as it comes: whole characters, nothing beyond a stop string."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miniclaude.engine.detokenizer import Detokenizer, Vocabulary
from miniclaude.engine.request import CallMark
from miniclaude.engine.stop_strings import SaidFilter, StopFilter, StopStrings
from tests.engine.tiny import EOS, ByteVocabulary

NO_STOPS = StopStrings(())


class Pieces:
    """A vocabulary of given pieces, the way SentencePiece has them: a space before each word."""

    strips_leading_space = True
    eos_ids: tuple[int, ...] = ()

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    def token_bytes(self, token_id: int) -> bytes:
        return self.pieces[token_id]

    def is_special(self, token_id: int) -> bool:
        return self.pieces[token_id] == b"<s>"


def stream(vocabulary: Vocabulary, ids: list[int], continues: bool = False) -> list[str]:
    text = Detokenizer(vocabulary, NO_STOPS, continues=continues)
    return [*(text.push(token) for token in ids), text.flush()]


@given(st.binary(max_size=40))
def test_the_whole_is_what_decoding_at_once_gives(data: bytes) -> None:
    """For any bytes, well-formed or not."""
    pieces = stream(ByteVocabulary(), list(data))
    assert "".join(pieces) == data.decode("utf-8", errors="replace")


def test_half_a_character_is_never_shown() -> None:
    pieces = stream(ByteVocabulary(), [*"a€😀".encode(), 0xF0, 0x9F])
    assert pieces == ["a", "", "", "€", "", "", "", "😀", "", "", "�"]


def test_special_tokens_are_not_shown() -> None:
    assert stream(ByteVocabulary(), [65, EOS, 66]) == ["A", "", "B", ""]


def test_the_space_a_vocabulary_puts_before_a_text_is_dropped_once() -> None:
    """Unless the answer continues a text, where that space is the one between two words."""
    words = Pieces(b" Hello", b" world", b"<s>", b" ", b"")
    assert "".join(stream(words, [2, 0, 1])) == "Hello world"
    assert "".join(stream(words, [4, 3, 0])) == " Hello"
    assert "".join(stream(words, [0, 1], continues=True)) == " Hello world"


def cut(stops: list[str], text: str, size: int) -> tuple[str, str | None]:
    """Push a text in pieces of `size` characters."""
    stop_filter = StopFilter(StopStrings(stops))
    shown = "".join(stop_filter.push(text[at : at + size]) for at in range(0, len(text), size))
    return shown + stop_filter.flush(), stop_filter.found


def first_stop(stops: list[str], text: str) -> tuple[str, str | None]:
    """The definition: the stop string that is complete first, the longest of those."""
    for end in range(len(text) + 1):
        found = [stop for stop in stops if stop and text[:end].endswith(stop)]
        if found:
            longest = max(found, key=len)
            return text[: end - len(longest)], longest
    return text, None


@settings(max_examples=400)
@given(
    st.lists(st.text("ab", max_size=5), max_size=4), st.text("ab", max_size=20), st.integers(1, 5)
)
def test_stop_strings_are_found_wherever_the_pieces_break(
    stops: list[str], text: str, size: int
) -> None:
    assert cut(stops, text, size) == first_stop(stops, text)


def test_only_what_may_become_a_stop_string_is_held_back() -> None:
    stop_filter = StopFilter(StopStrings(["\n\nUser:"]))
    assert [stop_filter.push(p) for p in ("Hi", "!\n", "\n", "Us", "ual", "\n\nUser", ":x")] == [
        "Hi",
        "!",
        "",
        "",
        "\n\nUsual",
        "",
        "",
    ]
    assert stop_filter.stopped
    assert stop_filter.push("more") == ""
    assert stop_filter.flush() == ""


def test_text_held_back_is_delivered_when_nothing_follows() -> None:
    assert cut(["STOP"], "do not STO", 3) == ("do not STO", None)


def passed(stops: list[str], mark: CallMark, text: str, size: int) -> tuple[str, str | None]:
    """Push an answer that may call in pieces of `size` characters."""
    said = SaidFilter(StopStrings(stops), mark)
    shown = "".join(said.push(text[at : at + size]) for at in range(0, len(text), size))
    return shown + said.flush(), said.found


@settings(max_examples=400)
@given(
    st.lists(st.text("ab<>", max_size=4), max_size=3),
    st.text("ab<", max_size=12),
    st.sampled_from(["", "<ab>", "<ab>a<b"]),
    st.integers(1, 5),
)
def test_stop_strings_end_what_is_said_before_the_calls(
    stops: list[str], text: str, calls: str, size: int
) -> None:
    """Wherever the pieces break: what the caller never sees ends no answer, nor does a stop string
    that would need the first characters of the mark."""
    said, found = first_stop(stops, text)
    expected = (said, found) if found else (text + calls, None)
    assert passed(stops, CallMark("<ab>"), text + calls, size) == expected
    assert passed(stops, CallMark(""), text + calls, size) == (text + calls, None)


@settings(max_examples=400)
@given(
    st.lists(st.text(" a{", max_size=3), max_size=3),
    st.text(" a{", max_size=8),
    st.integers(1, 5),
)
def test_an_answer_that_begins_as_a_call_is_one(stops: list[str], text: str, size: int) -> None:
    """Of a form without a mark only the beginning tells; a brace further on is only text."""
    for beginning in ("{", "{ a"):
        is_call = text.lstrip().startswith(beginning)
        expected = (text, None) if is_call else first_stop(stops, text)
        assert passed(stops, CallMark(beginning, at_start=True), text, size) == expected


@pytest.mark.parametrize("stops", [["a" * 500 + "b"] * 2, ["a" * n + "b" for n in range(1, 17)]])
def test_the_work_is_linear_in_the_text(stops: list[str]) -> None:
    """Text made of almost-stops costs no more than twice one step a character."""

    class Counting(StopStrings):
        steps = 0

        def step(self, state: int, character: str) -> int:
            self.steps += 1
            return super().step(state, character)

    automaton = Counting(stops)
    automaton.steps = 0
    stop_filter = StopFilter(automaton)
    for _ in range(20_000):
        stop_filter.push("a")
    assert automaton.steps == 20_000
    assert len(stop_filter.held) <= 500
