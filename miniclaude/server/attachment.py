"""Files made on the way out: sent as they are made, to be saved and never shown."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from urllib.parse import quote

from starlette.responses import StreamingResponse

from miniclaude.server.disconnect import Stopping, stopping_error

_NO_NAME = re.compile(r"[^\w.-]+")
_LONGEST_NAME = 80


class Attachment(StreamingResponse):
    """A file that is never in memory whole. It breaks off when the server stops: whoever saves it
    then learns that it is not all."""

    def __init__(
        self, parts: AsyncIterator[str], name: str, media_type: str, *, stopping: Stopping
    ) -> None:
        super().__init__(_until(parts, stopping), headers=as_attachment(name))
        self.headers["content-type"] = f"{media_type}; charset=utf-8"


def as_attachment(name: str) -> dict[str, str]:
    """The header that has a browser save a file under this name."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "_")
    return {
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
    }


def file_name(title: str, ending: str) -> str:
    """A title as the name of a file on any system."""
    stem = _NO_NAME.sub("-", title).strip("-.")[:_LONGEST_NAME].strip("-.")
    return f"{stem or 'conversation'}.{ending}"


async def _until(parts: AsyncIterator[str], stopping: Stopping) -> AsyncGenerator[str, None]:
    async for part in parts:
        if stopping.is_set():
            raise stopping_error()
        yield part
