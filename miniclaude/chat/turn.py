"""A turn: a question and its answer, from the first row committed to the last.

A turn belongs to nobody who watches it. The question and an empty answer are committed before
the provider is asked; the answer's text reaches the store within a second of arriving, the
watchers at once; it ends whether or not anybody is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from miniclaude.chat.asking import Contexts, ask
from miniclaude.chat.events import TurnDelta, TurnEvent, last_event, stored_ending, stored_steps
from miniclaude.chat.history import CountTokens, estimate_tokens
from miniclaude.chat.sight import Seeing, Sight, can_see
from miniclaude.chat.tool_loop import ToolStep, answer_with_tools, suiting
from miniclaude.chat.turn_fields import check_continues, stored_settings
from miniclaude.chat.writing import LiveTurn, failed, write_answer
from miniclaude.errors import (
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
    StoreError,
)
from miniclaude.messages import Message, StreamEvent, Tool
from miniclaude.providers.abilities import KnowsTools
from miniclaude.providers.base import Provider, Settings
from miniclaude.store.conversations import UNSET, Unset
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id, not_found
from miniclaude.store.messages import Messages, StoredMessage
from miniclaude.store.pictures import NamedPicture
from miniclaude.store.text import check_text
from miniclaude.store.turns import Ending, TurnStore
from miniclaude.tools.builtin import BUILTIN, RunnableTool

Resolve = Callable[[str], tuple[Provider, str]]

_MOST_UNSAVED = 100
_MOST_WEIGHED = 16
"""Ended answers whose probabilities are still at hand, for whoever comes a moment too late."""


@dataclass(frozen=True, slots=True)
class StartedTurn:
    """Ids of what `start` committed. offset: code points that the answer has already."""

    turn_id: str
    user_message_id: str
    assistant_message_id: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an answer is to be made by."""

    provider: Provider
    model: str
    settings: Settings
    system: str | None
    tools: Sequence[str] | None
    ask_leave: bool


class Turns:
    """The turns of one server process; one process at a time writes to a database.

    resolve: a model's full name → its provider and the name the provider knows; raises
    ModelNotFoundError. count: the tokens of a text, to choose how much history is sent.
    tools: what answers may call, by name. most_live: turns one owner may have running.
    save_every_s: how often a growing answer is stored. seeing: the models that take
    pictures, by name.
    """

    def __init__(
        self,
        database: Database,
        resolve: Resolve,
        *,
        count: CountTokens = estimate_tokens,
        tools: Mapping[str, RunnableTool] = BUILTIN,
        most_live: int = 8,
        save_every_s: float = 0.5,
        seeing: Seeing | None = None,
    ) -> None:
        self._store = TurnStore(database)
        self._messages = Messages(database)
        self._resolve = resolve
        self._count = count
        self._tools = tools
        self._most_live = most_live
        self._save_every_s = save_every_s
        self._sight = Sight(database, seeing)
        self._contexts = Contexts()
        self._live: dict[str, LiveTurn] = {}
        self._unsaved: dict[str, tuple[LiveTurn, Ending]] = {}
        self._weighed: dict[str, LiveTurn] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    async def start(
        self,
        owner: str,
        conversation_id: str,
        *,
        content: str | None = None,
        pictures: Sequence[NamedPicture] = (),
        pictures_of: str | None = None,
        parent_id: str | Unset | None = UNSET,
        continue_id: str | None = None,
        model: str,
        settings: Settings | None = None,
        system: str | None = None,
        tools: Sequence[str] | None = None,
        ask_leave: bool = False,
    ) -> StartedTurn:
        """Commit the question, then answer it in a task of its own.

        content: what the user says; None answers the user message `parent_id` again. pictures: what
        goes with it, after the pictures of the message `pictures_of`. parent_id: UNSET is the
        conversation's head, None a new root. continue_id: an answer that was cut off and goes on in
        its place, with nothing else. system: an instruction sent first. tools: names of those that
        the answer may call; None is those that suit the question where the model knows how to
        call, none elsewhere. ask_leave: whether each call waits for `decide`.
        Raises NotFoundError, ModelNotFoundError, InvalidRequestError (also for pictures that the
        model cannot see), ConflictError (the parent is still being written), RateLimitError,
        OverloadedError (shutting down), StoreError; nothing is stored then.
        """
        settings = settings or Settings()
        provider, bare = self._resolve(check_text(model, "model"))
        stored = stored_settings(settings, system)
        if tools is not None:
            self._check_tools(tools)
            stored["tools"] = list(tools)
        if ask_leave:
            stored["ask_leave"] = True
        asked = _Asked(provider, bare, settings, system, tools, ask_leave)
        pictured = bool(pictures) or pictures_of is not None
        if continue_id is not None:
            alone = content is None and parent_id is UNSET and not pictured
            check_continues(provider, bare, model, alone=alone)
        elif content is None and pictured:
            raise InvalidRequestError(
                "`pictures` go with `content`, and there is none.",
                hint="Ask something about them.",
                param="pictures",
            )
        else:
            await self._sight.require(
                owner,
                conversation_id,
                model,
                sees=can_see(provider, bare),
                given=bool(pictures),
                message_id=parent_id if content is None else pictures_of,
            )
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
                if continue_id is not None:
                    begun = await self._store.resume(
                        owner,
                        conversation_id,
                        turn_id=turn.turn_id,
                        message_id=continue_id,
                        model=model,
                    )
                    turn.go_on(begun)
                    user_id, answer_id = begun.parent_id or begun.id, begun.id
                else:
                    user_id, answer_id = await self._store.begin(
                        owner,
                        conversation_id,
                        turn_id=turn.turn_id,
                        content=content,
                        parent_id=parent_id,
                        model=model,
                        settings=stored,
                        pictures=pictures,
                        pictures_of=pictures_of,
                    )
            except BaseException:
                del self._live[turn.turn_id]
                turn.answer.end(Ending("cancelled"))
                raise
            offset = turn.answer.length
            leaf_id = user_id if continue_id is None else answer_id
            self._spawn(self._run(turn, self._ask(turn, leaf_id, asked)))
            return StartedTurn(turn.turn_id, user_id, answer_id, offset)

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
        store once it has ended, or from memory while its probabilities are known there. Raises
        NotFoundError, InvalidRequestError."""
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
        if turn := self._weighed.get(turn_id):
            async with aclosing(turn.answer.watch(offset)) as events:
                async for event in events:
                    yield event
            return
        for step in stored_steps(row):
            yield step
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

    async def cancel_all(self, owner: str, conversation_id: str) -> None:
        """Stop every answer of a conversation, and return when all have ended."""
        turns = [
            turn
            for turn in self._live.values()
            if (turn.owner, turn.conversation_id) == (owner, conversation_id)
        ]
        for turn in turns:
            turn.stop("cancelled")
        for turn in turns:
            await turn.answer.ended()

    async def decide(
        self, owner: str, conversation_id: str, turn_id: str, call_id: str, *, allow: bool
    ) -> None:
        """Let a call of a tool that waits for leave be run, or not. Raises NotFoundError when no
        such call waits."""
        turn = self._find(owner, conversation_id, turn_id)
        waiting = turn.leave.get(call_id) if turn else None
        if waiting is None or waiting.done():
            raise NotFoundError(
                "There is no such call that waits for leave.",
                hint="It was decided already, or the answer has ended.",
                param="call_id",
            )
        waiting.set_result(allow)

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
        leaf_id: str,
        asked: _Asked,
    ) -> AsyncGenerator[StreamEvent | ToolStep, None]:
        branch = await self._messages.branch(turn.owner, turn.conversation_id, leaf_id)
        context = await self._contexts.of(asked.provider, asked.model)
        images = await self._sight.shown(
            turn.owner, turn.conversation_id, branch, sees=can_see(asked.provider, asked.model)
        )

        def ask_with(
            said: Sequence[Message], tools: Sequence[Tool]
        ) -> AsyncGenerator[StreamEvent, None]:
            return ask(
                asked.provider,
                asked.model,
                branch,
                system=asked.system,
                settings=asked.settings,
                context=context,
                count=self._count,
                user=turn.owner,
                said=said,
                tools=tools,
                images=images,
            )

        events = answer_with_tools(
            ask_with,
            await self._offered(asked, branch),
            turn.approved if asked.ask_leave else None,
            first_number=len(turn.answer.steps),
        )
        async with aclosing(events):
            async for event in events:
                yield event

    async def _offered(
        self, asked: _Asked, branch: Sequence[StoredMessage]
    ) -> dict[str, RunnableTool]:
        """The tools that an answer may call."""
        if (names := asked.tools) is None:
            provider = asked.provider
            known = isinstance(provider, KnowsTools) and await provider.knows_tools(asked.model)
            names = suiting(self._tools, branch) if known else []
        return {name: self._tools[name] for name in names}

    def _check_tools(self, names: Sequence[str]) -> None:
        for name in names:
            if name not in self._tools:
                raise InvalidRequestError(
                    f"There is no tool {name[:64]!r}.",
                    hint=f"Choose among {', '.join(sorted(self._tools)) or 'none'}.",
                    param="tools",
                )

    async def _run(
        self, turn: LiveTurn, events: AsyncGenerator[StreamEvent | ToolStep, None]
    ) -> None:
        ending = await write_answer(turn, self._store, events, self._save_every_s)
        try:
            if not await self._store.finish(
                turn.owner, turn.turn_id, turn.answer.text, ending, turn.steps
            ):
                ending = Ending("cancelled")
        except Exception as error:
            if ending.status != "error":
                ending = replace(failed(error), usage=ending.usage)
            while len(self._unsaved) >= _MOST_UNSAVED:
                del self._unsaved[next(iter(self._unsaved))]
            self._unsaved[turn.turn_id] = (turn, ending)
        if turn.answer.logprobs:
            while len(self._weighed) >= _MOST_WEIGHED:
                del self._weighed[next(iter(self._weighed))]
            self._weighed[turn.turn_id] = turn
        del self._live[turn.turn_id]
        turn.answer.end(ending)

    async def _save_unsaved(self) -> None:
        """Store the ends that a full disk kept from being stored."""
        for turn_id, (turn, ending) in list(self._unsaved.items()):
            text, steps = turn.answer.text, turn.steps
            await self._store.finish(turn.owner, turn_id, text, ending, steps)
            self._unsaved.pop(turn_id, None)

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
