"""What is shown is what is trained on."""

from __future__ import annotations

from typing import Any

import pytest

from miniclaude.data.example import Example, Place
from miniclaude.data.preview import as_json, preview, printable
from miniclaude.messages import text_message
from miniclaude.tokenizer.chat_template import encode_training_example
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer
from tests.data.rows import said
from tests.tiny_checkpoint import write_tiny_checkpoint


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return load_tokenizer(write_tiny_checkpoint(tmp_path_factory.mktemp("preview") / "tiny"))


def test_tokens_and_mask_are_those_of_training(tokenizer: Tokenizer) -> None:
    """A preview with an idea of its own would hide the very mistake it is for."""
    row = said("Who are you?", "A small model 🙂.")
    [part] = preview(row, tokenizer)
    trained = encode_training_example(tokenizer, row.messages)
    assert [token.id for token in part.tokens] == trained.ids
    assert [token.learnt for token in part.tokens] == trained.mask
    assert (part.count, part.learnt) == (len(trained.ids), sum(trained.mask))
    learnt = "".join(token.text for token in part.tokens if token.learnt)
    assert "A small model" in learnt
    assert "Who" not in learnt


def test_weights_of_zero_are_seen(tokenizer: Tokenizer) -> None:
    messages = said("a", "first").messages + said("b", "second").messages
    [part] = preview(Example(Place("x", 1), messages, unlearned=frozenset({1})), tokenizer)
    learnt = "".join(token.text for token in part.tokens if token.learnt)
    assert "second" in learnt
    assert "first" not in learnt


def test_both_answers_of_a_preference(tokenizer: Tokenizer) -> None:
    row = Example(
        Place("x", 1),
        (*said("a", "before").messages, text_message("user", "b")),
        chosen=(text_message("assistant", "good"),),
        rejected=(text_message("assistant", "bad"),),
    )
    chosen, rejected = preview(row, tokenizer)
    assert (chosen.label, rejected.label) == ("chosen", "rejected")
    for part, word in ((chosen, "good"), (rejected, "bad")):
        learnt = "".join(token.text for token in part.tokens if token.learnt)
        assert word in learnt
        assert "before" not in learnt


def test_plain_text_is_learnt_whole(tokenizer: Tokenizer) -> None:
    [part] = preview(Example(Place("x", 1), text="Once upon a time"), tokenizer)
    assert part.learnt == part.count > 0


def test_nothing_that_is_shown_can_steer_a_terminal(tokenizer: Tokenizer) -> None:
    """An escape sequence in somebody's data set must not clear the screen or forge a line."""
    [part] = preview(said("\x1b[2J\x07\u202e", "\x9b31m\r\x00ok"), tokenizer)
    shown = "".join(token.text for token in part.tokens)
    assert not [char for char in shown if char != "\n" and not char.isprintable()]
    assert "<U+001B>" in shown


def test_printable() -> None:
    assert printable("plain 🙂\nnext") == "plain 🙂\nnext"
    assert printable("a\x1b[2J\tb\u202e") == "a<U+001B>[2J<U+0009>b<U+202E>"


def test_json_has_every_token(tokenizer: Tokenizer) -> None:
    row = said("Hi", "Hello")
    told = as_json(row, preview(row, tokenizer))
    parts: Any = told["parts"]
    [part] = parts
    assert told["place"] == "my.jsonl, line 1"
    assert len(part["tokens"]) == part["count"]
    assert set(part["tokens"][0]) == {"id", "text", "learnt", "special"}
