"""Say something in a conversation, and have it answered at once."""

from __future__ import annotations

from dataclasses import dataclass

from miniclaude.store.conversations import UNSET, Unset
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id
from miniclaude.store.turns import Ending, TurnStore

COMPLETE = Ending("complete", "stop")


@dataclass(frozen=True)
class Said:
    """The ids of a question and its answer."""

    turn_id: str
    user_id: str
    answer_id: str


async def say(
    database: Database,
    owner: str,
    conversation_id: str,
    content: str | None,
    *,
    parent_id: str | Unset | None = UNSET,
    answer: str = "fine",
    ending: Ending | None = COMPLETE,
) -> Said:
    """Store a question and its answer; `ending=None` leaves the answer streaming."""
    turns, turn_id = TurnStore(database), new_id()
    user_id, answer_id = await turns.begin(
        owner,
        conversation_id,
        turn_id=turn_id,
        content=content,
        parent_id=parent_id,
        model="echo",
        settings={},
    )
    if ending is None:
        assert await turns.save(owner, turn_id, answer)
    else:
        assert await turns.finish(owner, turn_id, answer, ending)
    return Said(turn_id, user_id, answer_id)
