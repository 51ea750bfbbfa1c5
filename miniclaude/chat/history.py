"""A branch of the tree → the messages a model is sent, the oldest dropped so that they fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from miniclaude.messages import Message, Role, text_message
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

    Empty messages (answers that failed before their first word) are left out, and neighbours of
    one role are joined, because chat templates want user and assistant to take turns. system: an
    instruction put first.
    """
    said: list[tuple[Role, str]] = [("system", system)] if system else []
    for message in branch:
        if not message.content.strip():
            continue
        if said and said[-1][0] == message.role:
            said[-1] = (message.role, f"{said[-1][1]}\n\n{message.content}")
        else:
            said.append((message.role, message.content))
    return [text_message(role, text) for role, text in said]


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
