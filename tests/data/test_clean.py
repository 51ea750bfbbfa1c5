"""Cleaning repairs text without eating it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from miniclaude.data.clean import (
    CURES,
    Cleaning,
    is_conversation,
    join_turns,
    tidy,
    tidy_document,
)
from miniclaude.data.example import Example, Place
from miniclaude.data.rejection import Rejection
from miniclaude.messages import Message, TextPart, ToolCall, text_message

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


PLACE = Place("rows.jsonl", 3)


def row(asked: str, answer: str) -> Example:
    return Example(PLACE, (text_message("user", asked), text_message("assistant", answer)))


GOOD = [
    row("Hi", "Hello!"),
    row("Good morning", "Good morning"),
    row("Name a colour.", "Blue"),
    row("Write a loop.", "for i in range(3):\n    if i  > 1:\n        print(i)"),
    row("Table, please.", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
    row("How do you write a paragraph in HTML?", "<p>Like this</p> &amp; so on."),
    row("Are you a person?", "No. I am an AI, a small one, and I am glad to help."),
    row("Laugh.", "Ha ha ha!"),
    row("Say it in Japanese.", "こんにちは。お元気ですか。"),
    row("A family?", "👩\u200d👩\u200d👧"),
    row("x²?", "x² is x · x, and ½ is 0.5."),
    Example(PLACE, text="Once upon a time there was a fox."),
    Example(
        PLACE,
        (
            text_message("user", "What is the weather like?"),
            Message("assistant", (), (ToolCall("1", "weather", '{"in":  "Oslo"}'),)),
            Message("tool", (TextPart('{ "sky":  "<b>clear</b>" }\n'),), tool_call_id="1"),
            text_message("assistant", "Clear."),
        ),
    ),
]

TRUNCATED = "There are three things that you need for this recipe: flour, eggs and"
LOOP = "I think that it is the best and " + "the best and " * 20
BAD = [
    ("broken_encoding", row("What is that?", "A caf\ufffd in town")),
    ("broken_encoding", row("Half a smile: \ud83d", "Yes")),
    ("empty_answer", row("What is that?", "")),
    ("empty_answer", row("What is that?", " \n\t ")),
    ("empty_answer", row("What is that?", "\u200b\ufeff")),
    ("empty_answer", row("What is that?", "<p></p><br>")),
    ("empty_answer", row("What is that?", "\x00\x01")),
    ("echoing_answer", row("What is the capital of France?", "what is the capital of France")),
    ("boilerplate_answer", row("Make a list of fruit.", "Sure! Here is a list of fruit:")),
    (
        "boilerplate_answer",
        row("Cats or dogs?", "As an AI language model, I do not have personal preferences."),
    ),
    ("truncated_answer", row("What do I need?", TRUNCATED)),
    ("truncated_answer", row("Code?", "```python\nprint(1)")),
    ("repetitive_answer", row("Why?", LOOP)),
    ("repetitive_answer", Example(PLACE, text=LOOP)),
    ("empty_text", Example(PLACE, text=" \u200b ")),
    (
        "same_answers",
        Example(
            PLACE,
            (text_message("user", "Hi"),),
            chosen=(text_message("assistant", "Hello"),),
            rejected=(text_message("assistant", "Hello "),),
        ),
    ),
    (
        "empty_answer",
        Example(
            PLACE,
            (text_message("user", "Hi"),),
            chosen=(text_message("assistant", "Hello"),),
            rejected=(text_message("assistant", " "),),
        ),
    ),
]


def test_data_cleaning_removes_invalid_entries() -> None:
    """Every kind of entry that teaches a model nothing, or nonsense, leaves the data under its own
    name, with its place and a cure; and nothing else leaves: a cleaner that eats good rows would
    pass the first half alone."""
    stage = Cleaning()
    invalid = [stage.judge(example) for _, example in BAD]
    assert [item.error if isinstance(item, Rejection) else item for item in invalid] == [
        error for error, _ in BAD
    ]
    for item in invalid:
        assert isinstance(item, Rejection)
        assert item.place == PLACE
        assert item.message
        assert item.cure == CURES[item.error]
        item.row.encode("utf-8")
    assert {error for error, _ in BAD} == CURES.keys()
    assert [stage.judge(example) for example in GOOD] == GOOD
    counts = stage.report()
    assert counts["rows"] == len(BAD) + len(GOOD)
    rejected = counts["rejected"]
    assert isinstance(rejected, dict)
    assert sum(rejected.values()) == len(BAD)


def test_a_good_row_is_the_very_same_object() -> None:
    """New objects for every row would cost more than all that is looked at."""
    stage = Cleaning()
    assert all(stage.judge(example) is example for example in GOOD)


def test_texts_are_repaired_and_counted_by_kind() -> None:
    stage = Cleaning()
    broken = row(" Donâ€™t  you?\r\n", "<p>Noe\u0308l\u200b</p> \x07")
    assert stage.judge(broken) == row("Don\u2019t you?", "Noël")
    report = stage.report()
    assert report["changed"] == 1
    assert report["repairs"] == {
        "mojibake": 1,
        "white space": 2,
        "control characters": 2,
        "unicode form": 1,
        "invisible characters": 1,
        "markup": 1,
    }
    json.dumps(report)


def test_markup_that_is_talked_about_stays() -> None:
    asked = row("Explain the HTML in <p>this</p>.", "<p>this</p> is a paragraph.")
    assert Cleaning().judge(asked) is asked


def test_what_a_tool_said_keeps_its_space_and_tags() -> None:
    page = Message("tool", (TextPart(" <p>a</p>\u200b  "),), tool_call_id="1")
    example = Example(PLACE, (text_message("user", "Read."), page, text_message("assistant", "a")))
    cleaned = Cleaning().judge(example)
    assert isinstance(cleaned, Example)
    assert cleaned.messages[1].text == " <p>a</p>  "


def test_answers_that_are_not_to_be_liked_may_be_bad() -> None:
    cut = row("What do I need?", TRUNCATED)
    assert isinstance(Cleaning().judge(cut), Rejection)
    assert Cleaning().judge(replace(cut, desirable=False)) == replace(cut, desirable=False)
    unlearned = replace(cut, unlearned=frozenset({1}))
    assert Cleaning().judge(unlearned) is unlearned
    preference = Example(
        PLACE,
        cut.messages[:1],
        chosen=(text_message("assistant", "Eggs."),),
        rejected=cut.messages[1:],
    )
    assert Cleaning().judge(preference) is preference


def test_the_message_is_named_and_earlier_rejections_pass_through() -> None:
    earlier = Rejection(PLACE, "bad_row", "bad", "mend", "{}")
    two = Example(PLACE, (*row("Hi", "Hello").messages, *row("And?", "").messages))
    first, second = Cleaning().run([earlier, two])
    assert first is earlier
    assert isinstance(second, Rejection)
    assert second.message == "messages[3], of the assistant, is empty."
    assert json.loads(second.row)["messages"][3]["role"] == "assistant"


SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "llms-from-scratch-instruct"


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data")
def test_a_clean_set_of_real_rows_loses_next_to_nothing() -> None:
    """1,100 rows that people checked: what is rejected of them is a false alarm."""
    rows = json.loads((SHARED / "instruction-data.json").read_text("utf-8"))
    stage = Cleaning()
    lost = [
        item
        for one in rows
        if isinstance(
            item := stage.judge(row(f"{one['instruction']}\n{one['input']}", one["output"])),
            Rejection,
        )
    ]
    assert [rejection.error for rejection in lost] == []
