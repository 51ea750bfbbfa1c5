"""A branch of the tree → the messages a model is sent, the oldest dropped so that they fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from miniclaude.messages import Message, text_message
from miniclaude.store.messages import StoredMessage

CountTokens = Callable[[str], int]

_TOKENS_PER_MESSAGE = 8
"""Room for what a chat template puts around a message."""


def estimate_tokens(text: str) -> int:
    """A cautious guess for models whose tokenizer is not at hand: 3 UTF-8 bytes a token. English
    has about 4.5 bytes a token with a vocabulary of 50,000, most other scripts 2 to 4."""
    return len(text.encode("utf-8", "replace")) // 3 + 1


def branch_messages(branch: Sequence[StoredMessage], system: str | None = None) -> list[Message]:
    """What was said on a branch, root first.

    Empty messages (answers that failed before their first word) are left out. system: an
    instruction put first.
    """
    said = [text_message(message.role, message.content) for message in branch]
    if system:
        said.insert(0, text_message("system", system))
    return [message for message in said if message.text.strip()]


def join_neighbours(messages: Sequence[Message]) -> tuple[Message, ...]:
    """The messages with neighbours of one role joined: chat templates want user and assistant to
    take turns.

    Done after `fit`, so that a question too long to be answered can be dropped, and does not stay
    for ever in front of the next one.
    """
    runs = groupby(messages, key=lambda message: message.role)
    return tuple(
        text_message(role, "\n\n".join(message.text for message in run)) for role, run in runs
    )


def size(messages: Sequence[Message], count: CountTokens = estimate_tokens) -> int:
    """About how many tokens the messages take."""
    return sum(count(message.text) + _TOKENS_PER_MESSAGE for message in messages)


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
