"""A branch of the tree → the messages a model is sent, the oldest dropped so that they fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType

from miniclaude.errors import InvalidRequestError
from miniclaude.messages import ImagePart, Message, Role, TextPart, ToolCall, text_message
from miniclaude.pictures import ABOUT_TOKENS
from miniclaude.providers.anthropic_wire import arguments_of
from miniclaude.store.messages import StoredMessage

CountTokens = Callable[[str], int]

NO_IMAGES: Mapping[str, Sequence[ImagePart]] = MappingProxyType({})
_TOKENS_PER_MESSAGE = 8
"""Room for what a chat template puts around a message."""


def estimate_tokens(text: str) -> int:
    """A cautious guess for models whose tokenizer is not at hand: 3 UTF-8 bytes a token. English
    has about 4.5 bytes a token with a vocabulary of 50,000, most other scripts 2 to 4."""
    return len(text.encode("utf-8", "replace")) // 3 + 1


def branch_messages(
    branch: Sequence[StoredMessage],
    system: str | None = None,
    images: Mapping[str, Sequence[ImagePart]] = NO_IMAGES,
) -> list[Message]:
    """What was said on a branch, root first.

    Empty messages (answers that failed before their first word) are left out. system: an
    instruction put first. images: the pictures that are shown, by the id of their message; others
    are only named.
    """
    said = [part for message in branch for part in _said(message, images.get(message.id, ()))]
    if system:
        said.insert(0, text_message("system", system))
    return [
        message
        for message in said
        if message.text.strip() or message.tool_calls or message.role == "tool"
    ]


def _said(message: StoredMessage, images: Sequence[ImagePart]) -> list[Message]:
    """A row as it was said: what an answer wrote before a call, the call, what it was told, and
    what it wrote then. Calls that nobody answered are left out."""
    said: list[Message] = []
    start = 0
    steps = [s for s in message.steps or () if s["status"] in ("done", "failed", "refused")]
    for offset, run in groupby(steps, key=lambda step: int(step["offset"])):
        told = list(run)
        calls = tuple(
            ToolCall(step["id"], step["name"], showable(step["arguments"])) for step in told
        )
        before = message.content[start:offset]
        said.append(Message("assistant", (TextPart(before),) if before else (), tool_calls=calls))
        said += (
            Message("tool", (TextPart(step["result"]),), tool_call_id=step["id"]) for step in told
        )
        start = offset
    unseen = () if images else message.pictures
    notes = "".join(f"(A picture, not shown here: {picture.name})\n" for picture in unseen)
    text = TextPart(notes + message.content[start:])
    return [*said, Message(message.role, (*images, text))]


def showable(arguments: str) -> str:
    """The arguments of a call as any model can be shown them: none where Anthropic's API, which is
    the strictest, would refuse them, and with them all that is said after. The call's result tells
    what was wrong."""
    try:
        arguments_of(ToolCall("", "", arguments))
    except InvalidRequestError:
        return "{}"
    return arguments or "{}"


def go_on(messages: Sequence[Message], said: Sequence[Message]) -> list[Message]:
    """The messages, and what was said since. An answer that is gone on with, and then calls a tool,
    is one message."""
    if not messages or not said or messages[-1].role != "assistant" or messages[-1].tool_calls:
        return [*messages, *said]
    *before, begun = messages
    first, *others = said
    parts = (TextPart(begun.text + first.text),)
    return [*before, replace(first, parts=parts), *others]


def join_neighbours(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages with neighbours of one role joined: chat templates want user and assistant to
    take turns. Calls of tools, and what they returned, stay apart.

    Done after `fit`, so that a question too long to be answered can be dropped, and does not stay
    for ever in front of the next one.
    """
    joined: list[Message] = []
    for role, run in groupby(messages, key=lambda message: message.role):
        plain: list[Message] = []
        for message in run:
            if message.tool_calls or role == "tool":
                joined += _joined(role, plain)
                plain = []
                joined.append(message)
            else:
                plain.append(message)
        joined += _joined(role, plain)
    return tuple(joined)


def _joined(role: Role, plain: list[Message]) -> list[Message]:
    if not plain:
        return []
    images = (image for message in plain for image in message.images)
    text = "\n\n".join(message.text for message in plain)
    return [Message(role, (*images, TextPart(text)))]


def size(messages: Sequence[Message], count: CountTokens = estimate_tokens) -> int:
    """About how many tokens the messages take."""
    return sum(
        count(message.text)
        + len(message.images) * ABOUT_TOKENS
        + sum(count(call.name + call.arguments) for call in message.tool_calls)
        + _TOKENS_PER_MESSAGE
        for message in messages
    )


def fit(
    messages: Sequence[Message], budget: int, count: CountTokens = estimate_tokens
) -> tuple[Message, ...]:
    """The newest exchanges that fit into `budget` tokens, oldest first.

    Kept whatever their size: every system message and everything from the last user message on.
    What is kept begins with a user's message: an answer without its question misleads.
    """
    last_user = max(
        (place for place, message in enumerate(messages) if message.role == "user"), default=0
    )
    kept_anyway = [m for m in messages[:last_user] if m.role == "system"]
    left = budget - size([*kept_anyway, *messages[last_user:]], count)
    start = last_user
    for place in range(last_user - 1, -1, -1):
        message = messages[place]
        if message.role == "system":
            continue
        left -= size([message], count)
        if left < 0:
            break
        if message.role == "user":
            start = place
    return tuple(
        message
        for place, message in enumerate(messages)
        if place >= start or message.role == "system"
    )
