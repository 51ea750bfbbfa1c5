"""The page: files built from `web/`, read once when the app is made.

A request's path is only ever looked up among the files found then; it never becomes a file's path.
"""

from __future__ import annotations

import gzip
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

STATIC = Path(__file__).resolve().parents[1] / "static"
"""Where `make web` puts the page."""

COMPRESSIBLE = ("text/", "application/javascript", "application/json", "image/svg+xml")
FOREVER = "public, max-age=31536000, immutable"
"""For files whose names change with their content."""

NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Mini-Claude</title>
<h1>Mini-Claude is running</h1>
<p>The page has not been built yet. Run <code>make web</code> in the project's folder, then start
the server again.</p>
<p>The API is ready meanwhile: <a href="/v1/models">/v1/models</a>.</p>
</html>
"""


@dataclass(frozen=True)
class StaticFile:
    """A file of the page. `hashed`: its name changes with its content."""

    content: bytes
    media_type: str
    hashed: bool

    @cached_property
    def gzipped(self) -> bytes | None:
        """None where compressing would not pay."""
        if len(self.content) < 1024 or not self.media_type.startswith(COMPRESSIBLE):
            return None
        return gzip.compress(self.content, 6, mtime=0)

    def response(self, request: Request) -> Response:
        """The file, compressed for a browser that asks for it."""
        headers = {"cache-control": FOREVER if self.hashed else "no-cache"}
        content = self.content
        if self.gzipped is not None:
            headers["vary"] = "accept-encoding"
            if "gzip" in request.headers.get("accept-encoding", ""):
                headers["content-encoding"] = "gzip"
                content = self.gzipped
        return Response(content, 200, headers, self.media_type)


@dataclass(frozen=True, slots=True)
class StaticPage:
    """The page's files by their address, such as `/assets/index-1a2b3c.js`."""

    files: Mapping[str, StaticFile]

    @classmethod
    def read(cls, folder: Path, presets: Mapping[str, str] | None = None) -> StaticPage:
        """Every file in `folder`; none when it is not there. presets: choices that the page takes
        where a browser has made none, by name; simple words, written into index.html."""
        given = "".join(f' data-{name}-preset="{word}"' for name, word in (presets or {}).items())
        files = {}
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file() and not path.is_symlink():
                address = "/" + path.relative_to(folder).as_posix()
                kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
                content = path.read_bytes()
                if address == "/index.html":
                    content = content.replace(b"<html", b"<html" + given.encode(), 1)
                files[address] = StaticFile(content, kind, hashed=address.startswith("/assets/"))
        return cls(files)

    def has(self, path: str) -> bool:
        """Whether an address belongs to the page, and so needs no key."""
        return path in ("/", "/app") or path.startswith("/app/") or path in self.files

    def index(self, request: Request) -> Response:
        """The page itself; its own script reads the rest of the address."""
        index = self.files.get("/index.html")
        if index is None:
            return HTMLResponse(NOT_BUILT, 200, {"cache-control": "no-cache"})
        return index.response(request)


async def index(request: Request) -> Response:
    """The page, at whichever of its addresses."""
    page: StaticPage = request.app.state.page
    return page.index(request)


async def file(request: Request) -> Response:
    """One of the page's files."""
    page: StaticPage = request.app.state.page
    found = page.files.get(request.url.path)
    if found is None:
        raise HTTPException(404)
    return found.response(request)


def page_router(page: StaticPage) -> APIRouter:
    """Routes for `/`, `/app/…` and each file; everything else belongs to the API.

    Their endpoints find the page in the application's state: FastAPI keeps every endpoint that it
    has seen, and one that held a page would keep it for the life of the process.
    """
    router = APIRouter()
    for address in ("/", "/app", "/app/{rest:path}"):
        router.add_route(address, index, methods=["GET", "HEAD"], include_in_schema=False)
    for address in page.files:
        router.add_route(address, file, methods=["GET", "HEAD"], include_in_schema=False)
    return router
