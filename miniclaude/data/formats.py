"""The shapes training rows come in, and the one shape they leave in.

A row becomes a `Document`: a plain text, or a conversation as a tuple of messages.
"""

from __future__ import annotations

from collections.abc import Callable

from miniclaude.data.rows import Row
from miniclaude.errors import DatasetError
from miniclaude.messages import Message, Role, text_message

Document = str | tuple[Message, ...]

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "a": "user",
    "agent_1": "user",
    "assistant": "assistant",
    "bot": "assistant",
    "b": "assistant",
    "agent_2": "assistant",
}
"""Names of speakers as data sets write them. Of two people, the first asks and the second answers;
a task system (`system` in `turns`) is an assistant, see `_turns`."""


def _text_field(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise DatasetError(
            f"field {name!r} is {type(value).__name__}, not text.",
            hint="Correct the row, or choose the format that fits the file.",
            param=name,
        )
    return value


def _items(row: Row, name: str) -> list[Row]:
    value = row.get(name)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise DatasetError(
            f"field {name!r} is not a list of objects.",
            hint="Correct the row, or choose the format that fits the file.",
            param=name,
        )
    return value


def _role(name: str) -> Role:
    if name not in ROLES:
        raise DatasetError(
            f"the role {name!r} is unknown.", hint=f"Use one of {', '.join(ROLES)}.", param="role"
        )
    return ROLES[name]


def _text(row: Row) -> Document:
    return _text_field(row, "text")


def _turns(row: Row) -> Document:
    """`turns` of `speaker` (or `role`) and `text`. A speaker called system answers the user."""
    messages: list[Message] = []
    for turn in _items(row, "turns"):
        name = _text_field(turn, "speaker" if "speaker" in turn else "role").lower()
        role = "assistant" if name == "system" else _role(name)
        messages.append(text_message(role, _text_field(turn, "text")))
    return tuple(messages)


def _alpaca(row: Row) -> Document:
    asked = _text_field(row, "instruction")
    if row.get("input"):
        asked += "\n\n" + _text_field(row, "input")
    answer = text_message("assistant", _text_field(row, "output"))
    return (text_message("user", asked), answer)


def _messages(row: Row) -> Document:
    return tuple(
        text_message(_role(_text_field(item, "role")), _text_field(item, "content"))
        for item in _items(row, "messages")
    )


def _question_answer(row: Row) -> Document:
    return (
        text_message("user", _text_field(row, "question")),
        text_message("assistant", _text_field(row, "answer")),
    )


READERS: dict[str, Callable[[Row], Document]] = {
    "text": _text,
    "turns": _turns,
    "alpaca": _alpaca,
    "messages": _messages,
    "question-answer": _question_answer,
}


def read_document(row: Row, format_name: str) -> Document:
    """The row as a document, by one of the `READERS`.

    Raises DatasetError naming the field at fault; the caller, who knows file and line, says where.
    """
    if format_name not in READERS:
        raise DatasetError(
            f"The data format {format_name!r} is unknown.",
            hint=f"Use one of {', '.join(READERS)}.",
            param="format",
        )
    return READERS[format_name](row)
