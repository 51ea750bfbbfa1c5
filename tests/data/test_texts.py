"""All texts are seen, and only what changes is made anew."""

from __future__ import annotations

from miniclaude.data.example import Example, Place
from miniclaude.data.texts import map_texts, text_of, texts_of
from miniclaude.messages import ImagePart, Message, TextPart, ToolCall, text_message

PLACE = Place("rows.jsonl", 1)
CALL = ToolCall("1", "look", '{"at": "b"}')
EXAMPLE = Example(
    PLACE,
    (
        text_message("system", "s"),
        Message("user", (TextPart("u"), ImagePart("image/png", "QUJD"), TextPart("v"))),
        Message("assistant", (), (CALL,)),
        Message("tool", (TextPart("t"),), tool_call_id="1"),
    ),
    chosen=(text_message("assistant", "c"),),
    rejected=(text_message("assistant", "r"),),
)


def test_every_text_is_given_in_order() -> None:
    assert texts_of(EXAMPLE) == ["s", "u", "v", "t", "c", "r"]
    assert texts_of(EXAMPLE, arguments=True) == ["s", "u", "v", CALL.arguments, "t", "c", "r"]
    assert texts_of(Example(PLACE, text="all")) == ["all"]


def test_the_text_of_a_message_is_its_parts_joined() -> None:
    assert [text_of(message) for message in EXAMPLE.messages] == ["s", "uv", "", "t"]


def test_data_is_changed_by_its_own_function() -> None:
    changed = map_texts(EXAMPLE, str.upper, data=lambda text: f"<{text}>")
    assert texts_of(changed, arguments=True) == [
        *("S", "U", "V", f"<{CALL.arguments}>", "<t>", "C", "R")
    ]
    assert changed.messages[1].parts[1] == ImagePart("image/png", "QUJD")
    assert changed.messages[2].tool_calls[0].id == "1"


def test_where_nothing_changes_it_is_the_very_same() -> None:
    assert map_texts(EXAMPLE, lambda text: text, data=lambda text: text) is EXAMPLE
