"""Held-out rows: what is scored of them, and which are asked."""

from __future__ import annotations

import pytest

from miniclaude.data.example import Example, Place
from miniclaude.errors import DatasetError
from miniclaude.evaluation.held_out import hold_out
from miniclaude.messages import Message, text_message
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer
from tests.tiny_checkpoint import write_tiny_checkpoint


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    return load_tokenizer(write_tiny_checkpoint(tmp_path_factory.mktemp("model")))


def chat(question: str, answer: str) -> tuple[Message, ...]:
    return text_message("user", question), text_message("assistant", answer)


def scored(tokenizer: Tokenizer, examples: list[Example], context: int = 100) -> list[str]:
    held = hold_out(examples, tokenizer, context)
    pieces = [held.documents.document(index) for index in range(len(held.documents))]
    return [tokenizer.decode(ids[learn].tolist(), skip_special=False) for ids, learn in pieces]


def test_only_the_assistant_is_scored_and_its_bytes_are_counted(tokenizer: Tokenizer) -> None:
    """Bits per byte over the question's bytes too would flatter every model."""
    examples = [Example(Place("v.jsonl", 1), chat("how are you", "the cat"))]
    assert scored(tokenizer, examples) == ["the cat<|im_end|>"]
    held = hold_out(examples, tokenizer, 100)
    assert held.documents.sizes.tolist() == [len("the cat")]
    assert held.prompts[0].answer == "the cat"
    assert [message.text for message in held.prompts[0].messages] == ["how are you"]


def test_of_preferences_the_good_answer_is_scored(tokenizer: Tokenizer) -> None:
    place = Place("v.jsonl", 1)
    answer = (text_message("assistant", "sat"),), (text_message("assistant", "mat"),)
    preference = Example(place, chat("a", "b")[:1], chosen=answer[0], rejected=answer[1])
    good = Example(place, chat("a", "good"), desirable=True)
    bad = Example(place, chat("a", "bad"), desirable=False)
    wanted = ["sat<|im_end|>", "good<|im_end|>"]
    assert scored(tokenizer, [preference, bad, good]) == wanted


def test_plain_text_is_scored_whole_and_asks_nothing(tokenizer: Tokenizer) -> None:
    held = hold_out([Example(Place("v.jsonl", 1), text="the cat sat")], tokenizer, 100)
    assert held.documents.learn.sum() == len(held.documents.ids) - 1
    assert held.prompts == ()


def test_prompts_are_spread_over_the_rows(tokenizer: Tokenizer) -> None:
    """A dataset sorted by kind would otherwise be judged by its first kind alone."""
    rows = [Example(Place("v.jsonl", n), chat(f"hello {n}", "sat")) for n in range(1, 21)]
    prompts = hold_out(rows, tokenizer, 100, prompts=4).prompts
    assert [prompt.place.line for prompt in prompts] == [1, 6, 11, 16]
    assert len(hold_out(rows[:2], tokenizer, 100, prompts=4).prompts) == 2


def test_rows_with_nothing_to_score_are_counted_or_refused(tokenizer: Tokenizer) -> None:
    long = Example(Place("v.jsonl", 1), chat("the cat " * 50, "sat"))
    short = Example(Place("v.jsonl", 2), chat("hello", "sat"))
    assert hold_out([long, short], tokenizer, 40).left_out == 1
    with pytest.raises(DatasetError, match="None of the 1 held-out rows has anything to score"):
        hold_out([long], tokenizer, 40)
