"""The page's files."""

from __future__ import annotations

import gc
import gzip
import weakref
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from miniclaude.server.routes.page import StaticPage, page_router

pytestmark = pytest.mark.anyio

SCRIPT = "const answer = 42;\n" * 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assets = tmp_path / "static" / "assets"
    assets.mkdir(parents=True)
    (assets / "index-1a2b.js").write_text(SCRIPT)
    (assets / "small-3c.css").write_text("a{}")
    (assets / "font-4d.woff2").write_bytes(bytes(range(256)) * 8)
    (tmp_path / "static" / "index.html").write_text("<!doctype html><title>Built</title>")
    (tmp_path / "static" / "favicon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "static" / "link.txt").symlink_to(tmp_path / "secret.txt")
    return tmp_path / "static"


def client(page: StaticPage) -> httpx2.AsyncClient:
    app = FastAPI()
    app.state.page = page
    app.include_router(page_router(page))
    transport = httpx2.ASGITransport(app)
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost")


async def test_the_page_is_at_the_root_and_under_app(folder: Path) -> None:
    async with client(StaticPage.read(folder)) as browser:
        for path in ("/", "/app", "/app/", "/app/c/0123"):
            response = await browser.get(path)
            assert "Built" in response.text
            assert response.headers["content-type"] == "text/html; charset=utf-8"
            assert response.headers["cache-control"] == "no-cache"
        head = await browser.head("/")
        assert (head.status_code, head.content) == (200, b"")


async def test_assets_are_kept_for_ever_and_compressed_once(folder: Path) -> None:
    page = StaticPage.read(folder)
    async with client(page) as browser:
        packed = await browser.get("/assets/index-1a2b.js")
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < len(SCRIPT) / 4
        assert packed.text == SCRIPT
        assert "immutable" in packed.headers["cache-control"]
        assert packed.headers["content-type"].startswith("text/javascript")
        plain = await browser.get("/assets/index-1a2b.js", headers={"accept-encoding": "br"})
        assert "content-encoding" not in plain.headers
        assert plain.headers["vary"] == "accept-encoding"
        assert plain.text == SCRIPT
        font = await browser.get("/assets/font-4d.woff2")
        assert "content-encoding" not in font.headers
        icon = await browser.get("/favicon.svg")
        assert icon.headers["content-type"] == "image/svg+xml"
        assert icon.headers["cache-control"] == "no-cache"
    script = page.files["/assets/index-1a2b.js"]
    assert script.gzipped is script.gzipped
    assert gzip.decompress(script.gzipped or b"") == SCRIPT.encode()


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.js",
        "/assets/",
        "/assets/../secret.txt",
        "/assets/%2e%2e/index.html",
        "/..%2fsecret.txt",
        "/link.txt",
        "/secret.txt",
        "/static/index.html",
        "/assets/index-1a2b.js%00",
        "/assets/index-1a2b.js/",
    ],
)
async def test_nothing_else_is_a_file(folder: Path, path: str) -> None:
    page = StaticPage.read(folder)
    async with client(page) as browser:
        assert (await browser.get(path)).status_code in (307, 404)


async def test_without_a_build_the_root_says_how_to_make_one(tmp_path: Path) -> None:
    async with client(StaticPage.read(tmp_path / "absent")) as browser:
        response = await browser.get("/")
        assert response.status_code == 200
        assert "make web" in response.text
        assert "<script" not in response.text


def test_what_belongs_to_the_page(folder: Path) -> None:
    page = StaticPage.read(folder)
    assert all(page.has(path) for path in ("/", "/app", "/app/x", "/assets/index-1a2b.js"))
    assert not any(page.has(path) for path in ("/models", "/application", "/assets/x", "/v1/app"))


async def test_the_settings_choices_are_in_the_page(folder: Path) -> None:
    """Before its first script, or the wrong theme would flash."""
    (folder / "index.html").write_text('<!doctype html>\n<html lang="en"><title>Built</title>')
    async with client(StaticPage.read(folder, {"theme": "dark", "language": "de"})) as browser:
        text = (await browser.get("/")).text
    assert '<html data-theme-preset="dark" data-language-preset="de" lang="en">' in text


async def test_a_page_that_is_no_longer_served_is_let_go(folder: Path) -> None:
    # FastAPI keeps its endpoints for ever: while these held the page, each application that was
    # made left two megabytes, and a process that makes many (these tests) grew by gigabytes.
    page = StaticPage.read(folder)
    kept = weakref.ref(page.files["/index.html"])
    async with client(page) as browser:
        assert (await browser.get("/")).status_code == 200
    del page, browser
    gc.collect()
    assert kept() is None
