"""A turn: a question and its answer, from the first row committed to the last.

A turn belongs to nobody who watches it. The question and an empty answer are committed before
the provider is asked; the answer's text reaches the store within a second of arriving, the
watchers at once; it ends whether or not anybody is there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

from miniclaude.chat.asking import Contexts, ask
from miniclaude.chat.events import TurnDelta, TurnEvent, last_event, stored_ending
from miniclaude.chat.history import CountTokens, estimate_tokens
from miniclaude.chat.writing import LiveTurn, failed, write_answer
from miniclaude.errors import InvalidRequestError, OverloadedError, RateLimitError, StoreError
from miniclaude.messages import StreamEvent
from miniclaude.providers.base import Provider, Settings
from miniclaude.store.conversations import UNSET, Unset
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id, not_found
from miniclaude.store.messages import Messages
from miniclaude.store.text import check_text
from miniclaude.store.turns import Ending, TurnStore

Resolve = Callable[[str], tuple[Provider, str]]

_MOST_UNSAVED = 100


@dataclass(frozen=True, slots=True)
class StartedTurn:
    """Ids of what `start` committed."""

    turn_id: str
    user_message_id: str
    assistant_message_id: str


class Turns:
    """The turns of one server process; one process at a time writes to a database.

    resolve: a model's full name → its provider and the name the provider knows; raises
    ModelNotFoundError. count: the tokens of a text, to choose how much history is sent.
    most_live: turns one owner may have running. save_every_s: how often a growing answer is stored.
    """

    def __init__(
        self,
        database: Database,
        resolve: Resolve,
        *,
        count: CountTokens = estimate_tokens,
        most_live: int = 8,
        save_every_s: float = 0.5,
    ) -> None:
        self._store = TurnStore(database)
        self._messages = Messages(database)
        self._resolve = resolve
        self._count = count
        self._most_live = most_live
        self._save_every_s = save_every_s
        self._contexts = Contexts()
        self._live: dict[str, LiveTurn] = {}
        self._unsaved: dict[str, tuple[LiveTurn, Ending]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def start(
        self,
        owner: str,
        conversation_id: str,
        *,
        content: str | None = None,
        parent_id: str | Unset | None = UNSET,
        model: str,
        settings: Settings | None = None,
        system: str | None = None,
    ) -> StartedTurn:
        """Commit the question, then answer it in a task of its own.

        content: what the user says; None answers the user message `parent_id` again. parent_id:
        UNSET is the conversation's head, None a new root. system: an instruction sent first.
        Raises NotFoundError, ModelNotFoundError, InvalidRequestError, ConflictError (the parent is
        still being written), RateLimitError, OverloadedError (shutting down), StoreError; nothing
        is stored then.
        """
        settings = settings or Settings()
        provider, bare = self._resolve(check_text(model, "model"))
        stored = _stored_settings(settings, system)
        if self._closing:
            raise OverloadedError("The server is shutting down.", hint="Try again in a moment.")
        if sum(turn.owner == owner for turn in self._live.values()) >= self._most_live:
            raise RateLimitError(
                f"{self._most_live} answers are being written already.",
                hint="Wait until one ends, or stop one.",
                retry_after=5,
            )
        turn = LiveTurn(owner, conversation_id, new_id())
        self._live[turn.turn_id] = turn

        async def begin() -> StartedTurn:
            try:
                await self._save_unsaved()
                user_id, answer_id = await self._store.begin(
                    owner,
                    conversation_id,
                    turn_id=turn.turn_id,
                    content=content,
                    parent_id=parent_id,
                    model=model,
                    settings=stored,
                )
            except BaseException:
                del self._live[turn.turn_id]
                turn.answer.end(Ending("cancelled"))
                raise
            self._spawn(self._run(turn, self._ask(turn, user_id, provider, bare, settings, system)))
            return StartedTurn(turn.turn_id, user_id, answer_id)

        # Whoever asked may hang up at any moment; a question that was committed is answered.
        return await asyncio.shield(self._spawn(begin()))

    async def length(self, owner: str, conversation_id: str, turn_id: str) -> int:
        """Code points that the answer has so far. Raises NotFoundError unless there is, or was,
        such a turn."""
        if turn := self._find(owner, conversation_id, turn_id):
            return turn.answer.length
        return len((await self._store.get(owner, conversation_id, turn_id)).content)

    async def events(
        self, owner: str, conversation_id: str, turn_id: str, offset: int = 0
    ) -> AsyncGenerator[TurnEvent, None]:
        """The answer after its first `offset` code points, as it grows, then its end; from the
        store once it has ended. Raises NotFoundError, InvalidRequestError."""
        if offset < 0:
            raise InvalidRequestError(
                f"`offset` is {offset}; it must not be negative.",
                hint="Send the offset of the last event you received, or 0.",
                param="offset",
            )
        if turn := self._find(owner, conversation_id, turn_id):
            async with aclosing(turn.answer.watch(offset)) as events:
                async for event in events:
                    yield event
            return
        row = await self._store.get(owner, conversation_id, turn_id)
        if offset < len(row.content):
            yield TurnDelta(row.content[offset:], len(row.content))
        yield last_event(stored_ending(row))

    async def cancel(self, owner: str, conversation_id: str, turn_id: str) -> None:
        """Stop the answer and keep what there is; returns when it is stored. Does nothing to a
        turn that has ended. Raises NotFoundError."""
        if turn := self._find(owner, conversation_id, turn_id):
            turn.stop("cancelled")
            await turn.answer.ended()
        else:
            await self._store.get(owner, conversation_id, turn_id)

    async def recover(self) -> int:
        """Mark the answers that a killed process left `streaming` as interrupted. Call it once,
        before the first turn. Returns how many there were."""
        return await self._store.interrupt()

    async def aclose(self) -> None:
        """End every turn as interrupted, its part saved. Safe to call twice."""
        self._closing = True
        for turn in self._live.values():
            turn.stop("interrupted")
        while self._tasks:
            await asyncio.wait(self._tasks)
        try:
            await self._save_unsaved()
        except StoreError:
            return  # the rows stay `streaming`; `recover` marks them at the next start

    def _find(self, owner: str, conversation_id: str, turn_id: str) -> LiveTurn | None:
        turn = self._live.get(turn_id) or self._unsaved.get(turn_id, (None, None))[0]
        if turn is None:
            return None
        if (turn.owner, turn.conversation_id) != (owner, conversation_id):
            raise not_found("turn")
        return turn

    async def _ask(
        self,
        turn: LiveTurn,
        user_id: str,
        provider: Provider,
        model: str,
        settings: Settings,
        system: str | None,
    ) -> AsyncGenerator[StreamEvent, None]:
        branch = await self._messages.branch(turn.owner, turn.conversation_id, user_id)
        events = ask(
            provider,
            model,
            branch,
            system=system,
            settings=settings,
            context=await self._contexts.of(provider, model),
            count=self._count,
            user=turn.owner,
        )
        async with aclosing(events):
            async for event in events:
                yield event

    async def _run(self, turn: LiveTurn, events: AsyncGenerator[StreamEvent, None]) -> None:
        ending = await write_answer(turn, self._store, events, self._save_every_s)
        try:
            if not await self._store.finish(turn.owner, turn.turn_id, turn.answer.text, ending):
                ending = Ending("cancelled")
        except Exception as error:
            if ending.status != "error":
                ending = failed(error)
            while len(self._unsaved) >= _MOST_UNSAVED:
                del self._unsaved[next(iter(self._unsaved))]
            self._unsaved[turn.turn_id] = (turn, ending)
        del self._live[turn.turn_id]
        turn.answer.end(ending)

    async def _save_unsaved(self) -> None:
        """Store the ends that a full disk kept from being stored."""
        for turn_id, (turn, ending) in list(self._unsaved.items()):
            await self._store.finish(turn.owner, turn_id, turn.answer.text, ending)
            self._unsaved.pop(turn_id, None)

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _stored_settings(settings: Settings, system: str | None) -> dict[str, Any]:
    """What was asked for, without what was left to the provider, as JSON can hold it."""
    if settings.n != 1:
        raise InvalidRequestError(
            f"`n` is {settings.n}; a turn of a conversation has one answer.",
            hint="Start another turn with the same parent for another answer.",
            param="n",
        )
    for stop in settings.stop:
        check_text(stop, "stop")
    chosen = {name: value for name, value in asdict(settings).items() if value or value == 0}
    del chosen["n"]
    if system:
        chosen["system"] = check_text(system, "system")
    try:
        stored: dict[str, Any] = json.loads(json.dumps(chosen, allow_nan=False))
    except ValueError:
        raise InvalidRequestError(
            "A setting is not a finite number.",
            hint="Send ordinary numbers: NaN and Infinity are not JSON.",
            param="settings",
        ) from None
    return stored
