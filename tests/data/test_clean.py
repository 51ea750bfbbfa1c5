"""Cleaning repairs text without eating it."""

from __future__ import annotations

from miniclaude.data.clean import is_conversation, join_turns, tidy, tidy_document
from miniclaude.messages import text_message

USER = text_message("user", "Hi")
ASSISTANT = text_message("assistant", "Hello")


def test_tidy_straightens_quotes_and_space() -> None:
    assert (
        tidy("\u201cIt\u2019s  late\u201d \u2014 he said \n\n\n\nso\t")
        == '"It\'s late" - he said\n\nso'
    )


def test_lines_broken_for_a_page_are_joined_and_paragraphs_kept() -> None:
    assert tidy_document("Goat, Dog\nand Cow\n\nwent off.", unwrapped=True) == (
        "Goat, Dog and Cow\n\nwent off."
    )


def test_messages_are_tidied() -> None:
    assert tidy_document((text_message("user", " Hi  "),)) == (USER,)


def test_a_conversation_alternates_and_nobody_is_silent() -> None:
    assert is_conversation((USER, ASSISTANT))
    assert is_conversation((text_message("system", "Be kind."), USER, ASSISTANT, USER))
    assert not is_conversation((ASSISTANT, USER))
    assert not is_conversation((USER, USER))
    assert not is_conversation((USER, text_message("assistant", "")))
    assert not is_conversation((USER,))
    assert not is_conversation(())


def test_one_speaker_after_himself_is_one_turn() -> None:
    assert join_turns((USER, USER, ASSISTANT)) == (text_message("user", "Hi Hi"), ASSISTANT)
