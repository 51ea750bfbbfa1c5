"""What a turn writes: the question and the unfinished answer, the answer as it grows, its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Update, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from miniclaude.errors import ConflictError, InvalidRequestError
from miniclaude.messages import FinishReason, Role, Usage
from miniclaude.store.conversations import (
    Conversation,
    Unset,
    fetch_conversation,
    unix_now,
)
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id, not_found, require_id
from miniclaude.store.messages import (
    MESSAGE,
    StoredMessage,
    as_message,
    fetch_message,
    insert_messages,
)
from miniclaude.store.pictures import NamedPicture, fetch_pictures, insert_pictures
from miniclaude.store.tables import conversations, messages
from miniclaude.store.text import check_text, mend_text

FinalStatus = Literal["complete", "cancelled", "interrupted", "error"]
Steps = list[dict[str, Any]] | None
"""The calls of tools within an answer, as a `StoredMessage` has them."""

_TITLE_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ended."""

    status: FinalStatus
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    error: dict[str, Any] | None = None


class TurnStore:
    """The rows of turns. Every method names the owner, except the sweep at the start."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(
        self,
        owner: str,
        conversation_id: str,
        *,
        turn_id: str,
        content: str | None,
        parent_id: str | Unset | None,
        model: str,
        settings: dict[str, Any],
        pictures: Sequence[NamedPicture] = (),
        pictures_of: str | None = None,
    ) -> tuple[str, str]:
        """Commit a user's message and an empty `streaming` answer under it; the answer becomes the
        conversation's head.

        content: the message; None answers the user message `parent_id` again. parent_id: UNSET is
        the conversation's head, None makes a new root. pictures: what goes with the message, after
        the pictures of the message `pictures_of`. Returns (user message id, assistant message
        id). Raises NotFoundError; ConflictError under an answer still being written;
        InvalidRequestError for text we cannot store, or nothing to answer.
        """

        async def insert(connection: AsyncConnection) -> tuple[str, str]:
            conversation = await fetch_conversation(connection, owner, conversation_id, lock=True)
            place = conversation.head_id if isinstance(parent_id, Unset) else parent_id
            parent = (
                None
                if place is None
                else await fetch_message(connection, owner, conversation_id, place)
            )
            title = conversation.title
            rows: list[StoredMessage] = []
            shown: list[NamedPicture] = []
            if content is None:
                user_id = _answerable(parent)
            else:
                _check_question(content, parent)
                user_id = new_id()
                again = await _pictures_of(connection, owner, conversation_id, pictures_of)
                shown = [*again, *pictures]
                rows = [
                    _row(conversation, user_id, place, "user", content=content, status="complete")
                ]
                title = title or make_title(content)
            answer = _row(
                conversation,
                new_id(),
                user_id,
                "assistant",
                status="streaming",
                model=model,
                turn_id=turn_id,
                settings=settings,
            )
            await insert_messages(connection, owner, [*rows, answer])
            await insert_pictures(connection, owner, conversation_id, user_id, shown)
            await connection.execute(
                update(conversations)
                .where(conversations.c.id == conversation_id, conversations.c.owner == owner)
                .values(head_id=answer.id, title=title, updated_at=unix_now())
            )
            return user_id, answer.id

        return await self._database.write(insert)

    async def resume(
        self, owner: str, conversation_id: str, *, turn_id: str, message_id: str, model: str
    ) -> StoredMessage:
        """Make an answer that was cut off `streaming` again, under a new turn; it becomes the
        conversation's head. Returns it as it was. Raises NotFoundError; ConflictError while it is
        being written; InvalidRequestError for what cannot be gone on with."""

        async def change(connection: AsyncConnection) -> StoredMessage:
            await fetch_conversation(connection, owner, conversation_id, lock=True)
            answer = await fetch_message(connection, owner, conversation_id, message_id)
            _check_unfinished(answer)
            await connection.execute(
                update(messages)
                .where(
                    messages.c.conversation_id == conversation_id,
                    messages.c.id == message_id,
                    messages.c.owner == owner,
                )
                .values(
                    status="streaming",
                    turn_id=turn_id,
                    model=model,
                    finish_reason=None,
                    error=None,
                )
            )
            await connection.execute(
                update(conversations)
                .where(conversations.c.id == conversation_id, conversations.c.owner == owner)
                .values(head_id=message_id, updated_at=unix_now())
            )
            return answer

        return await self._database.write(change)

    async def save(self, owner: str, turn_id: str, content: str, steps: Steps = None) -> bool:
        """Store the answer as far as it goes. False when the row is gone or no longer streaming:
        whoever deleted the conversation does not want the rest."""
        return await self._change(owner, turn_id, content=mend_text(content), steps=steps or None)

    async def finish(
        self, owner: str, turn_id: str, content: str, ending: Ending, steps: Steps = None
    ) -> bool:
        """Store the whole answer and how it ended. False as in `save`."""
        usage = ending.usage
        return await self._change(
            owner,
            turn_id,
            content=mend_text(content),
            steps=steps or None,
            status=ending.status,
            finish_reason=ending.finish_reason,
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            cached_tokens=usage.cached_tokens if usage else None,
            error=ending.error,
        )

    async def get(self, owner: str, conversation_id: str, turn_id: str) -> StoredMessage:
        """The answer that a turn wrote. Raises NotFoundError."""
        wanted = select(*MESSAGE).where(
            messages.c.turn_id == require_id(turn_id, "turn"),
            messages.c.conversation_id == require_id(conversation_id, "conversation"),
            messages.c.owner == owner,
        )

        async def fetch(connection: AsyncConnection) -> StoredMessage:
            row = (await connection.execute(wanted)).first()
            if row is None:
                raise not_found("turn")
            return as_message(row)

        return await self._database.read(fetch)

    async def interrupt(self, turn_id: str | None = None) -> int:
        """Mark answers that say `streaming`, but that nobody is writing, as interrupted: one, or
        all of them when a server starts. Returns how many there were."""
        changed = update(messages).where(messages.c.status == "streaming")
        if turn_id is not None:
            changed = changed.where(messages.c.turn_id == turn_id)
        return await self._update(changed.values(status="interrupted"))

    async def _change(self, owner: str, turn_id: str, **values: Any) -> bool:
        changed = update(messages).where(
            messages.c.turn_id == turn_id,
            messages.c.owner == owner,
            messages.c.status == "streaming",
        )
        return await self._update(changed.values(**values)) == 1

    async def _update(self, statement: Update) -> int:
        async def change(connection: AsyncConnection) -> int:
            return (await connection.execute(statement)).rowcount

        return await self._database.write(change)


def make_title(content: str) -> str:
    """A title from a conversation's first message: its first line that has any text, cut at a
    word's end to about 60 characters."""
    line = " ".join(next((line for line in content.splitlines() if line.strip()), "").split())
    if len(line) <= _TITLE_LENGTH:
        return line
    words = line[: _TITLE_LENGTH + 1].rpartition(" ")[0]
    return (words if len(words) >= _TITLE_LENGTH // 2 else line[:_TITLE_LENGTH]) + "…"


async def _pictures_of(
    connection: AsyncConnection, owner: str, conversation_id: str, message_id: str | None
) -> list[NamedPicture]:
    """The pictures of another message of the conversation. Raises NotFoundError."""
    if message_id is None:
        return []
    await fetch_message(connection, owner, conversation_id, message_id)
    found = await fetch_pictures(connection, owner, conversation_id, [message_id])
    return found.get(message_id, [])


def _check_question(content: str, parent: StoredMessage | None) -> None:
    check_text(content, "content")
    if not content.strip():
        raise InvalidRequestError(
            "`content` is empty.", hint="Write something, then send.", param="content"
        )
    if parent is not None and parent.status == "streaming":
        raise ConflictError(
            "The answer that this message would follow is still being written.",
            hint="Wait until it ends, or stop it first.",
            param="parent_id",
        )


def _check_unfinished(answer: StoredMessage) -> None:
    if answer.status == "streaming":
        raise ConflictError(
            "This answer is still being written.",
            hint="Wait until it ends, or stop it first.",
            param="continue_id",
        )
    cut_off = answer.status != "complete" or answer.finish_reason == "length"
    if answer.role != "assistant" or not cut_off or not answer.content.strip():
        raise InvalidRequestError(
            "There is nothing to go on with: `continue_id` is not an answer that was cut off"
            " after its first word.",
            hint="Ask for another answer: give its question's id as `parent_id`.",
            param="continue_id",
        )


def _answerable(parent: StoredMessage | None) -> str:
    if parent is None or parent.role != "user":
        raise InvalidRequestError(
            "There is nothing to answer: `parent_id` is not a user's message.",
            hint="Give `content` to ask something new, or the id of a user's message to answer"
            " it again.",
            param="parent_id",
        )
    return parent.id


def _row(
    conversation: Conversation,
    message_id: str,
    parent_id: str | None,
    role: Role,
    *,
    status: Literal["streaming", "complete"],
    content: str = "",
    model: str | None = None,
    turn_id: str | None = None,
    settings: dict[str, Any] | None = None,
) -> StoredMessage:
    return StoredMessage(
        id=message_id,
        conversation_id=conversation.id,
        parent_id=parent_id,
        role=role,
        content=content,
        status=status,
        model=model,
        created_at=unix_now(),
        turn_id=turn_id,
        settings=settings,
    )
