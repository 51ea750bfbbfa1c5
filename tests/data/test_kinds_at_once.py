"""The kinds of many questions at once are those of each alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from miniclaude.data.kinds import LONG_PROMPT, LOOKED_AT, MENTIONED, kind_of_texts
from miniclaude.data.kinds_at_once import kinds_of_texts, known_words, word_hash

PIECES = [
    *(*MENTIONED, "tea", "how many", "who are you", "should i", "two", "2 * 3", "7", "Hi", "is"),
    *(
        " ",
        " ",
        " ",
        ". ",
        "?",
        "\n",
        "\x1c",
        "_",
        "{",
        "'",
        "\u00e9",
        "\u00a0",
        "\u212a",
        "\u0663",
    ),
    *("x" * LONG_PROMPT, "word " * LOOKED_AT),
]
texts = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)
answers = st.sampled_from(["Yes.", "I can't help with that.", "I don't know."])


@given(st.lists(st.tuples(texts, answers), max_size=5))
def test_at_once_as_alone(rows: list[tuple[str, str]]) -> None:
    """Also where two questions meet, in capitals, and beyond ASCII."""
    for asked in ([text for text, _ in rows], [text.upper() for text, _ in rows]):
        said = [answer for _, answer in rows]
        assert kinds_of_texts(asked, said) == [*map(kind_of_texts, asked, said)]


def test_the_table_holds_all_words() -> None:
    """Two words on one hash would be one."""
    hashes = {word_hash(word.encode()) for word in MENTIONED}
    assert len(hashes) == len(MENTIONED)
    assert hashes == set(known_words()[0].tolist()) - {0}
