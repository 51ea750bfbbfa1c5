"""Run by a test: answer for ever, and print the ids once a part of the answer is stored.

python -m tests.chat.killed_server DATABASE_URL
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

from miniclaude.chat.turn import Turns
from miniclaude.messages import StreamEvent, TextDelta
from miniclaude.providers.base import ChatRequest, Provider
from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.messages import Messages
from tests.chat.scripted import ScriptedProvider


class Endless(ScriptedProvider):
    """Counts aloud."""

    async def chat(self, request: ChatRequest) -> AsyncIterator[StreamEvent]:
        for number in range(1_000_000):
            yield TextDelta(0, f"{number} ")
            await asyncio.sleep(0.001)


async def main(url: str) -> None:
    """Never returns."""
    database = await Database.open(url)
    provider: Provider = Endless()
    turns = Turns(database, lambda model: (provider, model), save_every_s=0.05)
    conversation = await Conversations(database).create("ada")
    started = await turns.start("ada", conversation.id, content="Count, please.", model="m")
    messages = Messages(database)
    answer = ("ada", conversation.id, started.assistant_message_id)
    while not (await messages.get(*answer)).content.startswith("0 1 2 "):
        pass  # each look lets the turn run on
    print(conversation.id, started.turn_id, flush=True)
    async for _event in turns.events("ada", conversation.id, started.turn_id):
        pass


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
