"""A Chromium for the whole folder, a fresh page for each test.

Playwright's synchronous API keeps an event loop in the main thread, where the other folders' async
tests need none; so the browser lives no longer than this package's tests.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.web.live import QUIET, ROOT, LiveServer, find_browser, live_server

STATIC = ROOT / "miniclaude" / "server" / "static" / "index.html"
PATIENCE_MS = 60_000
OWN = ("data:", "blob:", "about:")

OpenPage = Callable[..., Page]


def _missing(what: str) -> None:
    if os.environ.get("MINI_CLAUDE_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{what}, and MINI_CLAUDE_REQUIRE_BROWSER=1 asks for it", pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Skips without a browser, or fails where MINI_CLAUDE_REQUIRE_BROWSER=1."""
    if not STATIC.is_file():
        _missing("the page is not built (make web)")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        executable = find_browser(playwright.chromium.executable_path)
        if executable is None:
            _missing("no Chromium on this machine")
        browser = playwright.chromium.launch(executable_path=executable, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One server for all tests that do not hurt it."""
    with live_server(tmp_path_factory.mktemp("home")) as live:
        yield live


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder for a server of one's own."""
    return tmp_path / "home"


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """Opens an address in a browser profile of its own. Whatever it was used for, the page must
    not have asked a stranger for anything, broken its security policy, or thrown."""
    contexts = []
    faults: list[str] = []

    def watch(page: Page, url: str) -> None:
        host = urlsplit(url).netloc

        def on_request(request: Request) -> None:
            if urlsplit(request.url).netloc != host and not request.url.startswith(OWN):
                faults.append(f"request to a stranger: {request.url}")

        page.on("pageerror", lambda error: faults.append(f"exception: {error}"))
        page.on("request", on_request)
        page.expose_function("reportViolation", lambda text: faults.append(f"policy: {text}"))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', (event) =>"
            " reportViolation(`${event.violatedDirective} ${event.blockedURI}`));"
        )

    def open_page(url: str, path: str = "/", **options: Any) -> Page:
        context = chromium.new_context(base_url=url, **{"color_scheme": "light", **options})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        watch(page, url)
        page.goto(url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def page(open_page: OpenPage, server: LiveServer) -> Page:
    """The page on its first screen."""
    page = open_page(server.url)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page
