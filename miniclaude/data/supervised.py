"""Rows that show what the assistant says: conversations in several forms, and plain text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from miniclaude.data.conversation import read_messages, read_tools
from miniclaude.data.example import Example, Place
from miniclaude.data.fields import kind_of, optional_text, text_field
from miniclaude.data.raw import Row
from miniclaude.data.sharegpt import read_conversations
from miniclaude.errors import RowError
from miniclaude.messages import Message, Role, text_message

SPEAKERS: dict[str, Role] = {
    "system": "assistant",
    "user": "user",
    "human": "user",
    "a": "user",
    "agent_1": "user",
    "assistant": "assistant",
    "bot": "assistant",
    "b": "assistant",
    "agent_2": "assistant",
}
"""Names of speakers in `turns`. Of two people, the first asks and the second answers; a task
system answers the user."""


def row_kind(row: Row) -> str:
    """The type of conversation that a row names."""
    for name in ("kind", "category"):
        value = row.get(name)
        if isinstance(value, str):
            return value
    return ""


def with_system(row: Row, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The row's `system` before the messages, unless they begin with one."""
    system = optional_text(row, "system")
    if not system or messages[0].role == "system":
        return messages
    return (text_message("system", system), *messages)


def alpaca_prompt(row: Row) -> tuple[Message, ...]:
    """System, history, and the instruction with its input. Raises RowError."""
    asked = optional_text(row, "instruction")
    given = optional_text(row, "input")
    if not asked and not given:
        asked = text_field(row, "instruction")
    question = f"{asked}\n\n{given}" if asked and given else asked or given
    return with_system(row, (*_history(row.get("history")), text_message("user", question)))


def _history(value: object) -> tuple[Message, ...]:
    """Pairs of question and answer."""
    if not value:
        return ()
    messages: list[Message] = []
    for pair in value if isinstance(value, list) else [value]:
        if not (
            isinstance(pair, list | tuple)
            and len(pair) == 2
            and all(isinstance(text, str) and text for text in pair)
        ):
            raise RowError(
                "history is not a list of pairs of texts.",
                hint='Write "history": [["question", "answer"], …].',
                param="history",
                code="invalid_history",
            )
        messages += text_message("user", pair[0]), text_message("assistant", pair[1])
    return tuple(messages)


def side(row: Row, name: str, role: Role) -> tuple[Message, ...]:
    """A prompt or an answer: a text of that role, or a list of messages. Raises RowError."""
    value = row.get(name)
    if isinstance(value, list | dict) and value:
        return read_messages(value, param=name)[0]
    return (text_message(role, text_field(row, name)),)


def _openai(row: Row, place: Place) -> Example:
    messages, unlearned = read_messages(row.get("messages"))
    tools = row.get("tools") or row.get("functions")
    if "system" in row:
        count = len(messages)
        messages = with_system(row, messages)
        if len(messages) > count:
            unlearned = frozenset(n + 1 for n in unlearned)
    kind = row_kind(row)
    if not tools:
        return Example(place, messages, unlearned=unlearned, kind=kind)
    return Example(place, messages, tools=read_tools(tools), unlearned=unlearned, kind=kind)


def _sharegpt(row: Row, place: Place) -> Example:
    messages = with_system(row, read_conversations(row.get("conversations"), answered=True))
    return Example(place, messages, tools=read_tools(row.get("tools")), kind=row_kind(row))


def _alpaca(row: Row, place: Place) -> Example:
    messages = (*alpaca_prompt(row), text_message("assistant", text_field(row, "output")))
    return Example(place, messages, tools=read_tools(row.get("tools")), kind=row_kind(row))


def _prompt_completion(row: Row, place: Place) -> Example:
    asked = side(row, "prompt", "user")
    messages = (*asked, *side(row, "completion", "assistant"))
    tools = read_tools(row.get("tools"))
    return Example(place, with_system(row, messages), tools=tools, kind=row_kind(row))


def _question_answer(row: Row, place: Place) -> Example:
    asked = text_message("user", text_field(row, "question"))
    messages = (asked, text_message("assistant", text_field(row, "answer")))
    return Example(place, with_system(row, messages), kind=row_kind(row))


def _turns(row: Row, place: Place) -> Example:
    """`turns` of `speaker` (or `role`) and `text`."""
    turns = row.get("turns")
    if not isinstance(turns, list) or not turns:
        raise RowError(
            f"turns is {kind_of(turns)}, not a list of turns.",
            hint='Write "turns": [{"speaker": "user", "text": "…"}, …].',
            param="turns",
            code="missing_messages_list",
        )
    messages: list[Message] = []
    for index, turn in enumerate(turns):
        fields: Mapping[str, object] = turn if isinstance(turn, dict) else {}
        name = text_field(fields, "speaker" if "speaker" in fields else "role").lower()
        role = SPEAKERS.get(name)
        if role is None:
            raise RowError(
                f"turns[{index}] is of {name!r}, an unknown speaker.",
                hint=f"Use one of {', '.join(SPEAKERS)}.",
                param=f"turns[{index}].speaker",
                code="unrecognized_role",
            )
        messages.append(text_message(role, text_field(fields, "text")))
    return Example(place, tuple(messages), kind=row_kind(row))


def _text(row: Row, place: Place) -> Example:
    return Example(place, text=text_field(row, "text"), kind=row_kind(row))


SUPERVISED: dict[str, Callable[[Row, Place], Example]] = {
    "openai": _openai,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
    "prompt-completion": _prompt_completion,
    "question-answer": _question_answer,
    "turns": _turns,
    "text": _text,
}
