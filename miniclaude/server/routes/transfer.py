"""Conversations as files: one or all of them out, ours and others' in."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal

import anyio.to_thread
import orjson
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from miniclaude.chat.document import to_html, to_markdown
from miniclaude.errors import InvalidRequestError, NotFoundError
from miniclaude.feedback.rows import conversation_row
from miniclaude.server.attachment import Attachment, as_attachment, file_name
from miniclaude.server.body import require_json
from miniclaude.server.disconnect import unless_stopping
from miniclaude.server.routes.conversations import OWNER
from miniclaude.server.services import Services, services_of
from miniclaude.server.sse import to_json
from miniclaude.store.conversations import MAX_PAGE
from miniclaude.store.imports import ALL_FORMAT, Imports, read_imports
from miniclaude.store.transfer import export_conversation, import_checked

router = APIRouter(prefix="/conversations")

MAX_IMPORT_BYTES = 100_000_000
"""Of a file to import; it is in memory whole."""

Format = Literal["json", "markdown", "html", "openai", "sharegpt", "alpaca"]
_JSON = "application/json"
_FILES: dict[Format, tuple[str, str]] = {
    "json": ("json", _JSON),
    "markdown": ("md", "text/markdown"),
    "html": ("html", "text/html"),
    "openai": ("openai.jsonl", "application/jsonl"),
    "sharegpt": ("sharegpt.jsonl", "application/jsonl"),
    "alpaca": ("alpaca.jsonl", "application/jsonl"),
}
"""The ending and the type of each form's files."""


@router.get("/export")
async def export_all(request: Request) -> Attachment:
    """Every conversation, archived ones too, in one JSON file."""
    services = services_of(request)
    return Attachment(
        _all(services), "mini-claude-conversations.json", _JSON, stopping=services.stopping
    )


@router.post("/import", status_code=201)
async def import_file(request: Request) -> dict[str, Any]:
    """Store the conversations of a file that Mini-Claude, ChatGPT or Open WebUI exported: all of
    them, or none."""
    require_json(request)
    services = services_of(request)
    raw = await unless_stopping(services.stopping, request.body)
    read = await anyio.to_thread.run_sync(_read, raw)
    made = await import_checked(services.database, OWNER, read.documents)
    return {
        "source": read.source,
        "conversations": len(made),
        "messages": sum(document.messages for document in read.documents),
        "left_out": [
            {"what": what, "count": count} for what, count in sorted(read.left_out.items())
        ],
        "first_id": made[0].id if made else None,
    }


@router.get("/{conversation_id}/export")
async def export_one(
    request: Request,
    conversation_id: str,
    format: Format = "json",
    leaf: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """One conversation as a file. json: the whole tree. The other forms: one branch, the one that
    ends with the message `leaf`; absent, the one last shown."""
    services = services_of(request)
    conversation = await services.conversations.get(OWNER, conversation_id)
    if format == "json":
        text = to_json(await export_conversation(services.database, OWNER, conversation_id))
    else:
        end = leaf or conversation.head_id
        branch = [] if end is None else await services.messages.branch(OWNER, conversation_id, end)
        if format == "markdown" or format == "html":
            write = to_markdown if format == "markdown" else to_html
            text = await anyio.to_thread.run_sync(write, conversation.title, branch)
        else:
            text = to_json(conversation_row(branch, format)) + "\n"
    ending, kind = _FILES[format]
    headers = as_attachment(file_name(conversation.title, ending))
    return Response(text, 200, headers, f"{kind}; charset=utf-8")


def _read(raw: bytes) -> Imports:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidRequestError(
            f"The file is not valid JSON: {error}.",
            hint="Send the file as it was exported, whole and not zipped.",
            param="file",
            code="bad_json",
        ) from None
    return read_imports(value)


async def _all(services: Services) -> AsyncGenerator[str, None]:
    """The file, a conversation at a time."""
    yield f'{{"format":"{ALL_FORMAT}","version":1,"conversations":['
    before: str | None = None
    first = True
    while True:
        page = await services.conversations.list(
            OWNER, limit=MAX_PAGE, before=before, archived=None
        )
        for conversation in page.conversations:
            try:
                document = await export_conversation(services.database, OWNER, conversation.id)
            except NotFoundError:  # deleted since
                continue
            yield ("" if first else ",") + to_json(document)
            first = False
        if not page.has_more:
            break
        before = page.next_before
    yield "]}"
