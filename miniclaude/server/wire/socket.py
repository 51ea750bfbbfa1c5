"""Frames of `WS /chat/stream`: several requests on one socket, told apart by the client's ids."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import StringConstraints

from miniclaude.errors import InvalidRequestError
from miniclaude.server.wire.validation import StrictBody, validate

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


def read_frame(data: object) -> StartFrame | CancelFrame:
    """Raises InvalidRequestError."""
    kind = data.get("type") if isinstance(data, dict) else None
    if kind == "chat.start":
        return validate(StartFrame, data)
    if kind == "chat.cancel":
        return validate(CancelFrame, data)
    raise InvalidRequestError(
        "type: a frame is chat.start or chat.cancel.",
        hint='Send {"type": "chat.start", "id": …, "body": {…}}.',
        param="type",
    )


def frame_id(data: object) -> str | None:
    """The id of a frame that may be wrong otherwise, so that its error can name it."""
    found = data.get("id") if isinstance(data, dict) else None
    return found[:64] if isinstance(found, str) else None
