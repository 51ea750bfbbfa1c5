"""A conversation as one JSON document, and back: the whole tree, every branch, what was rated.

The document has no ids: a message names its parent by its place in the list, parents first. So
a document can be imported anywhere and any number of times, and a cycle cannot be written down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any, Literal

import anyio
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncConnection

from miniclaude.errors import InvalidRequestError
from miniclaude.messages import FinishReason, Role
from miniclaude.pictures import read_base64
from miniclaude.store.conversations import (
    MAX_FOLDER,
    MAX_TITLE,
    Conversation,
    insert_conversation,
)
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id
from miniclaude.store.messages import StoredMessage, insert_messages
from miniclaude.store.pictures import (
    MAX_NAME,
    MAX_PICTURES,
    NamedPicture,
    fetch_pictures,
    insert_pictures,
)
from miniclaude.store.ratings import (
    MAX_NOTE,
    Rating,
    Reason,
    Thumb,
    insert_ratings,
)
from miniclaude.store.tables import conversations
from miniclaude.store.text import check_text
from miniclaude.store.whole import WholeConversation, fetch_whole

FORMAT = "mini-claude.conversation"
MAX_MESSAGES = 100_000
MAX_STEPS = 1_000
MESSAGES_AT_ONCE = 2_000
"""Of an import, in one transaction."""

_Text = Annotated[str, AfterValidator(lambda text: check_text(text, "document"))]
_Time = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
_Number = Annotated[float, Field(allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0, lt=2**31)]
_Scalar = bool | int | _Number | _Text | None
_Settings = dict[_Text, _Scalar | list[_Text] | dict[_Text, _Number]]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Step(_Document):
    id: _Text
    name: _Text
    arguments: _Text
    status: Literal["waiting", "running", "done", "failed", "refused"]
    result: _Text
    offset: _Count


class _Rating(_Document):
    thumb: Thumb | None
    reason: Reason | None
    note: Annotated[_Text, Field(max_length=MAX_NOTE)]
    correction: _Text | None
    created_at: _Time
    updated_at: _Time


class _Picture(_Document):
    """data: its bytes in base64."""

    name: Annotated[_Text, Field(max_length=MAX_NAME)]
    media_type: str
    data: str

    @model_validator(mode="after")
    def _is_what_it_says(self) -> _Picture:
        read_base64(self.media_type, self.data)
        return self

    def named(self) -> NamedPicture:
        return NamedPicture(self.name, read_base64(self.media_type, self.data))


class _Message(_Document):
    """parent: the place of the parent in the list, None at a root."""

    parent: _Count | None
    role: Role
    content: _Text
    status: Literal["complete", "cancelled", "interrupted", "error"]
    model: _Text | None
    created_at: _Time
    finish_reason: FinishReason | None
    prompt_tokens: _Count | None
    completion_tokens: _Count | None
    cached_tokens: _Count | None = None
    error: dict[_Text, _Text | None] | None
    settings: _Settings | None
    steps: Annotated[list[_Step], Field(max_length=MAX_STEPS)] | None = None
    rating: _Rating | None = None
    pictures: Annotated[list[_Picture], Field(max_length=MAX_PICTURES)] | None = None


class _Conversation(_Document):
    """head: the place of the head in the list. settings: how the next answers are drawn, the
    instructions among it."""

    format: Literal["mini-claude.conversation"]
    version: Literal[1]
    title: Annotated[_Text, Field(max_length=MAX_TITLE)]
    pinned: bool
    archived: bool
    folder: Annotated[_Text, Field(max_length=MAX_FOLDER)] = ""
    settings: _Settings | None = None
    head: _Count | None
    created_at: _Time
    updated_at: _Time
    messages: Annotated[list[_Message], Field(max_length=MAX_MESSAGES)]


async def export_conversation(
    database: Database, owner: str, conversation_id: str
) -> dict[str, Any]:
    """The conversation as a JSON document; an answer still being written is exported as it is
    now, interrupted. Raises NotFoundError."""

    async def fetch(
        connection: AsyncConnection,
    ) -> tuple[WholeConversation, dict[str, list[NamedPicture]]]:
        whole = await fetch_whole(connection, owner, conversation_id)
        shown = any(message.pictures for message in whole.messages)
        pictures = await fetch_pictures(connection, owner, conversation_id) if shown else {}
        return whole, pictures

    whole, pictures = await database.read(fetch)
    conversation, tree, ratings = whole.conversation, whole.messages, whole.ratings
    place: dict[str | None, int | None] = {None: None}
    place.update({message.id: number for number, message in enumerate(tree)})
    return {
        "format": FORMAT,
        "version": 1,
        "title": conversation.title,
        "pinned": conversation.pinned,
        "archived": conversation.archived,
        **({"folder": conversation.folder} if conversation.folder else {}),
        **({"settings": conversation.settings} if conversation.settings else {}),
        "head": place[conversation.head_id],
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
        "messages": [
            _message_document(
                message,
                place[message.parent_id],
                ratings.get(message.id),
                pictures.get(message.id, ()),
            )
            for message in tree
        ],
    }


async def import_conversation(database: Database, owner: str, document: object) -> Conversation:
    """Store a document as a new conversation of `owner`; exporting that gives the document again.

    Raises InvalidRequestError naming the first thing wrong; nothing is stored then.
    """
    [made] = await import_checked(database, owner, [Checked(document)])
    return made


class Checked:
    """A document that was found to be one of ours. Raises InvalidRequestError naming the first
    thing wrong."""

    def __init__(self, document: object) -> None:
        self.read = _checked(document)

    @property
    def messages(self) -> int:
        """How many there are."""
        return len(self.read.messages)


async def import_checked(
    database: Database, owner: str, documents: Sequence[Checked]
) -> list[Conversation]:
    """Store documents as new conversations of `owner`: all of them, or none.

    Some thousand messages at a time, so that answers being written meanwhile can be saved; when
    the store fails on the way, what was stored is removed again. (Only a server killed in the
    middle leaves what it had stored, each conversation whole.)
    """
    made: list[Conversation] = []
    try:
        for part in _parts(documents):
            rows = [_rows(document.read) for document in part]
            made += [row[0] for row in rows]
            await database.write(partial(_insert, owner=owner, rows=rows))
    except BaseException:
        with anyio.CancelScope(shield=True):
            for conversation in made:
                await database.write(partial(_remove, owner=owner, id=conversation.id))
        raise
    return made


def _parts(documents: Sequence[Checked]) -> Iterator[list[Checked]]:
    part: list[Checked] = []
    messages = 0
    for document in documents:
        part.append(document)
        messages += document.messages + 1
        if messages >= MESSAGES_AT_ONCE:
            yield part
            part, messages = [], 0
    if part:
        yield part


_Rows = tuple[
    Conversation, list[StoredMessage], list[Rating], Sequence[tuple[str, list[NamedPicture]]]
]


async def _insert(connection: AsyncConnection, *, owner: str, rows: list[_Rows]) -> None:
    for conversation, messages, ratings, pictures in rows:
        await insert_conversation(connection, owner, conversation)
        await insert_messages(connection, owner, messages)
        await insert_ratings(connection, owner, ratings)
        for message_id, given in pictures:
            await insert_pictures(connection, owner, conversation.id, message_id, given)


async def _remove(connection: AsyncConnection, *, owner: str, id: str) -> None:
    table = conversations.c
    await connection.execute(delete(conversations).where(table.id == id, table.owner == owner))


def _rows(read: _Conversation) -> _Rows:
    ids = [new_id() for _ in read.messages]
    conversation = Conversation(
        id=new_id(),
        title=read.title,
        pinned=read.pinned,
        archived=read.archived,
        head_id=None if read.head is None else ids[read.head],
        created_at=round(read.created_at, 6),
        updated_at=round(read.updated_at, 6),
        folder=read.folder,
        settings=read.settings or None,
    )
    rows = [
        StoredMessage(
            id=message_id,
            conversation_id=conversation.id,
            parent_id=None if message.parent is None else ids[message.parent],
            **message.model_dump(exclude={"parent", "rating", "pictures"}),
        )
        for message_id, message in zip(ids, read.messages, strict=True)
    ]
    ratings = [
        Rating(conversation.id, message_id, **message.rating.model_dump())
        for message_id, message in zip(ids, read.messages, strict=True)
        if message.rating is not None
    ]
    pictures = [
        (message_id, [picture.named() for picture in message.pictures])
        for message_id, message in zip(ids, read.messages, strict=True)
        if message.pictures
    ]
    return conversation, rows, ratings, pictures


def _message_document(
    message: StoredMessage,
    parent: int | None,
    rating: Rating | None,
    pictures: Sequence[NamedPicture],
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "parent": parent,
        "role": message.role,
        "content": message.content,
        "status": "interrupted" if message.status == "streaming" else message.status,
        "model": message.model,
        "created_at": message.created_at,
        "finish_reason": message.finish_reason,
        "prompt_tokens": message.prompt_tokens,
        "completion_tokens": message.completion_tokens,
        "cached_tokens": message.cached_tokens,
        "error": message.error,
        "settings": message.settings,
    }
    if message.steps:
        document["steps"] = message.steps
    if pictures:
        document["pictures"] = [
            {
                "name": one.name,
                "media_type": one.picture.media_type,
                "data": one.picture.base64,
            }
            for one in pictures
        ]
    if rating is not None:
        document["rating"] = {name: getattr(rating, name) for name in _Rating.model_fields}
    return document


def _checked(document: object) -> _Conversation:
    try:
        read = _Conversation.model_validate(document)
    except InvalidRequestError as error:
        raise _wrong(error.message) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"]) or "the document"
        raise _wrong(f"{place}: {first['msg']}") from None
    for number, message in enumerate(read.messages):
        if message.rating is not None and message.role != "assistant":
            raise _wrong(f"messages.{number}.rating: only answers are rated")
        if message.pictures and message.role != "user":
            raise _wrong(f"messages.{number}.pictures: only questions have pictures")
        if message.parent is not None and message.parent >= number:
            raise _wrong(f"messages.{number}.parent: a parent must come before its children")
    if read.head is not None and read.head >= len(read.messages):
        raise _wrong(f"head: there is no message number {read.head}")
    return read


def _wrong(what: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"This is not a conversation that Mini-Claude exported ({what}).",
        hint="Import a file exported by this or an older version, unchanged.",
        param="document",
    )
