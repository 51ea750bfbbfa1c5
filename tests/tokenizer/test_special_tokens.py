"""The two spellings that keep special tokens and look-alike text apart."""

from __future__ import annotations

from miniclaude.tokenizer.special_tokens import SpecialTokens


def test_hidden_text_comes_back_and_written_tokens_are_respelt() -> None:
    special = SpecialTokens({"<a>": 7, "<a><b>": 8})
    user = {"text": "say <a><b> or <a>", "<a>": [1, None, ("<a>",)]}
    hidden = special.hide(user)
    assert "<a>" not in str(hidden)
    rendered = f"<a>{hidden['text']}<a><b>"
    expected = f"{special.spelling('<a>')}say <a><b> or <a>{special.spelling('<a><b>')}"
    assert special.activate(rendered) == expected


def test_spellings_differ_from_tokenizer_to_tokenizer() -> None:
    """So that no text prepared against one could contain another's."""
    assert SpecialTokens({"<a>": 1}).spelling("<a>") != SpecialTokens({"<a>": 1}).spelling("<a>")


def test_ends_of_tokens() -> None:
    special = SpecialTokens({"<a>": 1})
    token = special.spelling("<a>")
    assert special.end_of_last(f"x{token}y{token}z") == len(token) * 2 + 2
    assert special.end_of_last("x") is None
    assert special.end_of_leading(f" \n{token}x") == 2 + len(token)
    assert special.end_of_leading(f"x{token}") == 0


def test_a_vocabulary_without_special_tokens_changes_no_text() -> None:
    special = SpecialTokens({})
    assert special.activate(special.hide("<a> text")) == "<a> text"
