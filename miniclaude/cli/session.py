"""A conversation as the terminal has it: the same store and the same turns as the server's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import aclosing

from miniclaude.chat.events import TurnDelta, TurnDone, TurnFailed
from miniclaude.chat.tool_loop import ToolStep
from miniclaude.chat.turn import StartedTurn, Turns
from miniclaude.errors import InvalidRequestError, MiniClaudeError, ModelNotFoundError
from miniclaude.model.library import Library, bundled_models
from miniclaude.providers.base import Settings
from miniclaude.providers.registry import Registry
from miniclaude.server.services import make_registry
from miniclaude.settings import ServerSettings
from miniclaude.store.conversations import Conversations
from miniclaude.store.database import Database
from miniclaude.store.messages import Messages, StoredMessage
from miniclaude.store.transfer import export_conversation

LISTED = 20
OWNER = "local"
"""The one owner there is until there are accounts; the server's routes use the same name."""

Show = Callable[[str], None]


class Session:
    """One person at one terminal. A server on the same home may run meanwhile: they share the
    database, and each has its own engines."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        settings: Settings,
        system: str | None,
    ) -> None:
        self.system = system
        self.model = registry.default_model
        self._settings = settings
        self._registry = registry
        self._database = database
        self._turns = Turns(database, registry.resolve)
        self._conversations = Conversations(database)
        self._messages = Messages(database)
        self._conversation_id: str | None = None
        self._listed: list[str] = []

    @classmethod
    async def open(cls, settings: ServerSettings, drawing: Settings, system: str | None) -> Session:
        """Raises ModelNotFoundError when the model is not there, or there is none at all;
        StoreError."""
        registry = make_registry(
            settings, Library(settings.models_folder, bundled_models(), settings.adapters_folder)
        )
        if not registry.default_model:
            raise ModelNotFoundError(
                "There is no model on this machine yet.",
                hint="Fetch one, for example: mini-claude pull HuggingFaceTB/SmolLM2-135M-Instruct",
                param="model",
            )
        registry.resolve(registry.default_model)
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(await Database.open(settings.database_url), registry, drawing, system)

    async def aclose(self) -> None:
        """End what is running, and close the database and the engines."""
        await self._turns.aclose()
        await self._registry.aclose()
        await self._database.close()

    def choose(self, model: str) -> None:
        """Let another model answer from now on. Raises ModelNotFoundError."""
        self._registry.resolve(model)
        self.model = model

    def new(self) -> None:
        """The next message begins another conversation."""
        self._conversation_id = None

    async def say(self, text: str, *, show: Show) -> bool:
        """Send a message and show the answer as it comes. False when Ctrl-C stopped it; its part
        is kept then. Raises what the turn raises."""
        if not text:
            raise InvalidRequestError("The message is empty.", hint="Type, or pipe in, some text.")
        self._registry.resolve(self.model)
        fresh = self._conversation_id is None
        conversation_id = self._conversation_id or (await self._conversations.create(OWNER)).id
        return await self._watch(conversation_id, self._begin(conversation_id, fresh, text), show)

    async def retry(self, *, show: Show) -> bool:
        """Another answer to the last message, beside the first. Raises InvalidRequestError when
        there is none."""
        question = await self._last_question()
        starting = self._turns.start(
            OWNER,
            question.conversation_id,
            parent_id=question.id,
            model=self.model,
            settings=self._settings,
            system=self.system,
        )
        return await self._watch(question.conversation_id, starting, show)

    async def undo(self) -> str:
        """Go back to before the last message, which stays in the tree; returns its text."""
        question = await self._last_question()
        await self._conversations.update(
            OWNER, question.conversation_id, head_id=question.parent_id
        )
        return question.content

    async def titles(self) -> list[str]:
        """The latest conversations; `go_on_with` takes a place in this list."""
        page = await self._conversations.list(OWNER, limit=LISTED)
        self._listed = [conversation.id for conversation in page.conversations]
        return [conversation.title or "(untitled)" for conversation in page.conversations]

    async def go_on_with(self, number: str) -> list[tuple[str, str]]:
        """Open number `number` of the list: who said what, so far."""
        if not self._listed:
            await self.titles()
        places = {str(place): name for place, name in enumerate(self._listed, start=1)}
        if number not in places:
            shown = number if len(number) <= 20 else number[:20] + "…"
            raise InvalidRequestError(
                f"There is no conversation number {shown or '?'}.", hint="/list shows them."
            )
        self._conversation_id = places[number]
        return [(message.role, message.content) for message in await self._branch()]

    async def export(self) -> dict[str, object]:
        """The whole conversation, every branch of it, as the server imports it. Raises
        InvalidRequestError when nothing was said yet."""
        if self._conversation_id is None:
            raise InvalidRequestError(
                "There is no conversation to save.", hint="Say something first."
            )
        return await export_conversation(self._database, OWNER, self._conversation_id)

    async def _begin(self, conversation_id: str, fresh: bool, text: str) -> StartedTurn:
        """Store the question and go on in its conversation; a refused question leaves no empty
        conversation behind."""
        try:
            turn = await self._turns.start(
                OWNER,
                conversation_id,
                content=text,
                model=self.model,
                settings=self._settings,
                system=self.system,
            )
        except MiniClaudeError:
            if fresh:
                await self._conversations.delete(OWNER, conversation_id)
            raise
        self._conversation_id = conversation_id
        return turn

    async def _watch(
        self, conversation_id: str, starting: Coroutine[object, object, StartedTurn], show: Show
    ) -> bool:
        """Show the turn. Cancelling the task that watches (Ctrl-C) stops the turn itself, also when
        it has only just been asked for."""
        begun = asyncio.ensure_future(starting)
        try:
            turn = (await asyncio.shield(begun)).turn_id
            async with aclosing(self._turns.events(OWNER, conversation_id, turn)) as events:
                async for event in events:
                    match event:
                        case TurnDelta(text=text):
                            show(text)
                        case ToolStep(status="done" | "failed", call=call, result=result):
                            show(f"[{call.name} {call.arguments} → {result[:200]}]\n")
                        case TurnDone(status=status):
                            return status == "complete"
                        case TurnFailed(error=error):
                            raise _as_error(error)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            await self._turns.cancel(OWNER, conversation_id, (await begun).turn_id)
        return False

    async def _branch(self) -> list[StoredMessage]:
        if self._conversation_id is None:
            return []
        conversation = await self._conversations.get(OWNER, self._conversation_id)
        if conversation.head_id is None:
            return []
        return await self._messages.branch(OWNER, conversation.id, conversation.head_id)

    async def _last_question(self) -> StoredMessage:
        for message in reversed(await self._branch()):
            if message.role == "user":
                return message
        raise InvalidRequestError("Nothing was said yet.", hint="Type a message first.")


def _as_error(error: dict[str, object]) -> MiniClaudeError:
    """The error that ended a turn, as it was stored."""
    return MiniClaudeError(str(error.get("message", "")), hint=str(error.get("hint", "")))
