"""Frames of `WS /chat/stream`: several requests on one socket, told apart by the client's ids."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from miniclaude.errors import InvalidRequestError
from miniclaude.server.wire.conversations import MAX_OFFSET, Id
from miniclaude.server.wire.validation import NullIsAbsent, StrictBody, validate

RequestId = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class StartFrame(StrictBody):
    """Answer `body`, a chat completion request."""

    type: Literal["chat.start"]
    id: RequestId
    body: dict[str, Any]


class CancelFrame(StrictBody):
    """Stop the answer to `id`."""

    type: Literal["chat.cancel"]
    id: RequestId


class TurnStartFrame(StrictBody):
    """Begin a turn of a stored conversation and watch it; `body` as `POST …/turns` takes it."""

    type: Literal["turn.start"]
    id: RequestId
    conversation_id: Id
    body: dict[str, Any]


class TurnWatchFrame(NullIsAbsent):
    """Watch a turn, running or ended, from the code point `offset` of its answer on."""

    type: Literal["turn.watch"]
    id: RequestId
    conversation_id: Id
    turn_id: Id
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET)] = 0


Frame = StartFrame | CancelFrame | TurnStartFrame | TurnWatchFrame

FRAMES: dict[str, type[Frame]] = {
    "chat.start": StartFrame,
    "chat.cancel": CancelFrame,
    "turn.start": TurnStartFrame,
    "turn.watch": TurnWatchFrame,
}


def read_frame(data: object) -> Frame:
    """Raises InvalidRequestError."""
    kind = data.get("type") if isinstance(data, dict) else None
    if isinstance(kind, str) and kind in FRAMES:
        return validate(FRAMES[kind], data)
    raise InvalidRequestError(
        f"type: a frame is {', '.join(list(FRAMES)[:-1])} or {list(FRAMES)[-1]}.",
        hint='Send {"type": "chat.start", "id": …, "body": {…}}.',
        param="type",
    )


def frame_id(data: object) -> str | None:
    """The id of a frame that may be wrong otherwise, so that its error can name it; None for one
    that no frame can hold."""
    found = data.get("id") if isinstance(data, dict) else None
    if not isinstance(found, str) or any(c == "\0" or "\ud800" <= c <= "\udfff" for c in found):
        return None
    return found[:64]
