"""Joining conversations."""

from __future__ import annotations

from collections import Counter

from miniclaude.data.augment import join_conversations
from miniclaude.messages import text_message

ASKED = [
    (text_message("user", f"question {n}"), text_message("assistant", f"answer {n}"))
    for n in range(20)
]


def test_every_conversation_occurs_once_a_round_whole_and_in_order() -> None:
    """A lost or torn exchange would teach answers to the wrong question."""
    joined = join_conversations(ASKED, most=4, rounds=3, seed=1)
    said = [message.text for conversation in joined for message in conversation]
    assert Counter(said[::2]) == {f"question {n}": 3 for n in range(20)}
    pairs = zip(said[::2], said[1::2], strict=True)
    assert all(question.split()[1] == answer.split()[1] for question, answer in pairs)
    assert {len(conversation) // 2 for conversation in joined} == {1, 2, 3, 4}


def test_the_same_seed_joins_the_same() -> None:
    assert join_conversations(ASKED, most=3, rounds=1, seed=5) == join_conversations(
        ASKED, most=3, rounds=1, seed=5
    )
    assert join_conversations(ASKED, most=3, rounds=1, seed=5) != join_conversations(
        ASKED, most=3, rounds=1, seed=6
    )
