"""`/attachments`: the text of a file, to be put into a question. Nothing is stored."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from miniclaude.chat.attachments import read_attachment
from miniclaude.server.disconnect import unless_stopping
from miniclaude.server.error_handlers import UnsupportedMediaTypeError
from miniclaude.server.services import services_of

BYTES = "application/octet-stream"

router = APIRouter(prefix="/attachments")


@router.post("")
async def create_attachment(
    request: Request, name: Annotated[str, Query(min_length=1, max_length=255)]
) -> dict[str, Any]:
    """What of a file can be asked about. `block` goes into the question as it is."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != BYTES:
        raise UnsupportedMediaTypeError(
            f"The body's content type is {declared or 'not given'!r}.",
            hint=f"Send the file's bytes with Content-Type: {BYTES}, and its name as `name`.",
        )
    data = await unless_stopping(services_of(request).stopping, request.body)
    found = await read_attachment(name, data)
    return {
        "object": "attachment",
        "name": found.name,
        "characters": len(found.text),
        "pages": found.pages,
        "pages_read": found.pages_read,
        "truncated": found.truncated,
        "block": found.block,
    }
