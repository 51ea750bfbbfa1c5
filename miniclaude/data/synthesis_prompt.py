"""What a model is asked for when it writes new examples, and how its answer is read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from miniclaude.data.conversation import write_messages
from miniclaude.data.example import Example, Place, from_row
from miniclaude.data.rejection import Item, reject
from miniclaude.errors import RowError
from miniclaude.messages import Message, text_message

LONGEST_REPLY = 400_000  # characters that are looked at
SHOWN_AGAIN = 4_000  # characters of an unusable answer that are sent back with its correction

SYSTEM = "You write training examples for a chat assistant. You answer with JSON and nothing else."
REQUEST = """\
Here are examples of what a user asks and how the assistant answers, one JSON object a line:

{examples}

Write {count} new examples of the same kind and quality. Each must ask for something else than the \
ones above and than each other; vary topic, wording and length. Every answer must be correct, \
complete and in the same voice. Invent no facts about real people and use no personal data.

Answer with one JSON array of {count} objects, each of the form
{{"messages": [{{"role": "user", "content": "…"}}, {{"role": "assistant", "content": "…"}}]}}"""
CORRECTION = "That could not be used: {problem} Answer again, with the JSON array alone."

FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)
REFUSAL = re.compile(
    r"(i'm sorry|i am sorry|sorry|i apologi[sz]e|i can't|i cannot|i can not|i won't|i'm unable|"
    r"i am unable|i'm not able)\b",
    re.IGNORECASE,
)


def make_prompt(shown: Sequence[Example], count: int) -> tuple[Message, ...]:
    """Ask for `count` new examples like the ones shown."""
    lines = [
        json.dumps({"messages": write_messages(example.messages)}, ensure_ascii=False)
        for example in shown
    ]
    request = REQUEST.format(examples="\n".join(lines), count=count)
    return text_message("system", SYSTEM), text_message("user", request)


def corrected(prompt: tuple[Message, ...], reply: str, problem: str) -> tuple[Message, ...]:
    """Ask once more, saying what was wrong with the last answer."""
    return (
        *prompt,
        text_message("assistant", reply[:SHOWN_AGAIN] or "(nothing)"),
        text_message("user", CORRECTION.format(problem=problem)),
    )


def is_refusal(reply: str) -> bool:
    """Whether the model declines, rather than answer badly."""
    return bool(REFUSAL.match(reply.strip())) and "[" not in reply


def read_reply(reply: str, place: Place, most: int) -> list[Item]:
    """The examples of an answer, at most `most`; those that are none, as rejections.

    Raises RowError, saying what is wrong, when the answer is no JSON array of objects.
    """
    rows = _rows(reply)[:most]
    items: list[Item] = []
    for row in rows:
        try:
            if not isinstance(row, dict) or set(row) - {"messages"}:
                raise RowError(
                    'an example must be an object with the one key "messages".',
                    hint="Leave out everything else.",
                    code="invalid_example",
                )
            example = from_row(row, place)
            if any(
                message.role not in ("system", "user", "assistant") for message in example.messages
            ) or not any(
                message.role == "user" and message.text.strip() for message in example.messages
            ):
                raise RowError(
                    "an example needs a question of the user and no tools.",
                    hint="Write messages of user and assistant.",
                    code="invalid_example",
                )
            items.append(example)
        except RowError as error:
            items.append(reject(place, error, row))
    return items


def _rows(reply: str) -> list[object]:
    text = reply[:LONGEST_REPLY]
    fenced = FENCE.search(text)
    text = fenced[1] if fenced else text
    start, end = text.find("["), text.rfind("]")
    brace = text.find("{")
    if 0 <= brace < start:  # {"examples": […]}
        start, end = brace, text.rfind("}")
    if start < 0 or end < start:
        raise _unreadable("it holds no JSON array.")
    try:
        value = json.loads(text[start : end + 1], parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"it is not valid JSON ({str(error)[:200]}).") from None
    if isinstance(value, dict):
        lists = [inner for inner in value.values() if isinstance(inner, list)]
        value = lists[0] if len(lists) == 1 and "messages" not in value else [value]
    if not isinstance(value, list) or not value:
        raise _unreadable("the JSON array is empty.")
    return value


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _unreadable(problem: str) -> RowError:
    return RowError(problem, hint="Answer with the JSON array alone.", code="malformed_answer")
