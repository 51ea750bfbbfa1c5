"""Nothing of an example is lost without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from miniclaude.data.example import Example, Place
from miniclaude.errors import DatasetError
from miniclaude.messages import Message, text_message
from miniclaude.model.library import bundled_models
from miniclaude.tokenizer.chat_template import encode_training_example
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.tokenise import tokenise, without_oldest


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """The bundled model's: real merges, ChatML."""
    bundled = bundled_models()
    assert bundled is not None
    return load_tokenizer(next(path for path in sorted(bundled.iterdir()) if path.is_dir()))


def talk(*said: str, line: int = 1) -> Example:
    """User and assistant in turn."""
    messages: list[Message] = []
    for number, text in enumerate(said):
        messages.append(text_message("assistant" if number % 2 else "user", text))
    return Example(Place("my.json", line), tuple(messages))


def test_conversations_are_encoded_as_they_are_served(tokenizer: Tokenizer) -> None:
    example = talk("Who are you?", "I am Mini-Claude.")
    result = tokenise([example], tokenizer, 256)
    ids, learn = result.documents.document(0)
    expected = encode_training_example(tokenizer, example.messages)
    assert ids.tolist() == expected.ids
    assert learn.tolist() == expected.mask
    assert result.trained == sum(expected.mask)
    assert int(result.documents.sizes[0]) == len("I am Mini-Claude.")


def test_of_a_long_conversation_the_oldest_exchanges_are_dropped(tokenizer: Tokenizer) -> None:
    """What is dropped must be the beginning: the last answers are why it is in the data set."""
    said = [f"{word} {n}, and a few more words." for n in range(20) for word in ("ask", "answer")]
    system = text_message("system", "Be brief.")
    example = Example(Place("my.json", 1), (system, *talk(*said).messages))
    result = tokenise([example], tokenizer, 120)
    ids, _ = result.documents.document(0)
    text = tokenizer.decode(ids.tolist())
    assert len(ids) <= 120
    assert "Be brief." in text
    assert "answer 19" in text
    assert "ask 0," not in text
    assert (result.shortened, result.cut) == (1, 0)
    assert "1 without their oldest exchanges" in result.summary()


def test_a_long_answer_is_cut_and_a_long_question_rejected_by_name(tokenizer: Tokenizer) -> None:
    long_answer = talk("Go on.", "word " * 300, line=7)
    long_question = talk("word " * 300, "Yes.", line=8)
    result = tokenise([long_answer, long_question], tokenizer, 64)
    assert len(result.documents) == 1
    assert len(result.documents.document(0)[0]) == 64
    assert result.cut == 1
    [rejected] = result.rejected
    assert str(rejected.place) == "my.json, line 8"
    assert rejected.error == "no_trainable_tokens"
    assert "of its 3" in rejected.message
    assert "raise max_length" in rejected.cure


def test_messages_that_are_not_to_be_learnt_stay_so_when_older_ones_go() -> None:
    """unlearned holds indexes, and dropping messages moves them."""
    example = talk("a" * 50, "b" * 50, "c" * 50, "d" * 50, "e", "f")
    example = Example(example.place, example.messages, unlearned=frozenset({1, 3}))
    shorter = without_oldest(example, 0.6)
    assert shorter is not None
    assert [message.text[0] for message in shorter.messages] == ["c", "d", "e", "f"]
    assert shorter.unlearned == {1}
    assert without_oldest(talk("only", "one"), 0.5) is None


def test_plain_text_is_learnt_to_the_last_token(tokenizer: Tokenizer) -> None:
    example = Example(Place("my.txt", 1), text="Once upon a time there was a cat. " * 20)
    result = tokenise([example], tokenizer, 32)
    positions = int(result.documents.lengths.sum())
    assert result.trained == positions, "every token but the first is predicted once"
    assert max(result.documents.lengths) <= 31
    assert result.documents.ids[-1] in tokenizer.eos_ids


def test_a_data_set_with_nothing_to_learn_says_why(tokenizer: Tokenizer) -> None:
    """Competitors train such a set for hours on a loss of zero."""
    with pytest.raises(DatasetError, match="None of the 1 rows has a token to learn from") as found:
        tokenise([talk("word " * 300, "Yes.")], tokenizer, 16)
    assert "my.json, line 1" in found.value.message
    assert found.value.code == "no_trainable_tokens"
    with pytest.raises(DatasetError, match="has no rows"):
        tokenise([], tokenizer, 16)


def test_the_fingerprint_is_of_what_is_learnt(tokenizer: Tokenizer) -> None:
    one = tokenise([talk("Hi", "Hello")], tokenizer, 64)
    same = tokenise([talk("Hi", "Hello", line=9)], tokenizer, 64)
    other = tokenise([talk("Hi", "Hello!")], tokenizer, 64)
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_progress_is_told(tokenizer: Tokenizer, tmp_path: Path) -> None:
    seen: list[int] = []
    tokenise([talk("Hi", "Hello")] * 600, tokenizer, 64, progress=seen.append)
    assert seen == [512, 600]
