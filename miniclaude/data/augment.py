"""More from the conversations there are, without inventing a word."""

from __future__ import annotations

import random
from collections.abc import Sequence

from miniclaude.messages import Message

Conversation = tuple[Message, ...]


def join_conversations(
    conversations: Sequence[Conversation], *, most: int, rounds: int, seed: int
) -> list[Conversation]:
    """Conversations of one to `most` of the given ones, one after the other.

    A model that has only seen single exchanges answers the second question as if it were part of
    the first; joined ones teach it to answer what was asked last. Each given conversation occurs
    once in every round, in a new order; the same seed gives the same result.
    """
    random_order = random.Random(seed)  # noqa: S311  # a shuffle, not a secret
    joined: list[Conversation] = []
    for _ in range(rounds):
        left = list(conversations)
        random_order.shuffle(left)
        while left:
            count = random_order.randint(1, most)
            joined.append(tuple(message for one in left[:count] for message in one))
            del left[:count]
    return joined
