"""The providers page: a key goes in, is tried, and is never seen again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.web.conftest import OpenPage
from tests.web.live import live_server

KEY = "sk-good-key"
LIST = {"object": "list", "data": [{"id": "big-one", "object": "model", "created": 1}]}


@contextmanager
def service() -> Iterator[str]:
    """One that speaks OpenAI's protocol as far as listing, to whoever has the key."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            good = self.headers["Authorization"] == f"Bearer {KEY}"
            body = json.dumps(LIST if good else {"error": {"message": "no"}}).encode()
            self.send_response(200 if good else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def add(page: Page, url: str, key: str) -> None:
    """Fill the form in and save it."""
    page.get_by_role("button", name="Add a provider").click()
    window = page.get_by_role("dialog")
    window.get_by_label("Kind").select_option("openai")
    window.get_by_label("Name").fill("mine")
    window.get_by_label("Address").fill(url)
    window.get_by_label("Key", exact=True).fill(key)
    window.get_by_role("button", name="Save").click()
    expect(window).to_have_count(0)


def test_a_key_is_added_tried_changed_and_removed(open_page: OpenPage, home: Path) -> None:
    with service() as url, live_server(home) as server:
        page = open_page(server.url, "/app/providers")
        expect(page.get_by_text("None yet")).to_be_visible()
        add(page, url, "sk-wrong")
        row = page.get_by_role("article", name="mine")
        expect(row).to_contain_text("key set")
        row.get_by_role("button", name="Test mine").click()
        expect(row.get_by_role("alert")).to_contain_text("the service refuses our key")

        # Adding another of that name replaced this one and its key, unasked.
        page.get_by_role("button", name="Add a provider").click()
        window = page.get_by_role("dialog")
        window.get_by_label("Name").fill("mine")
        window.get_by_role("button", name="Save").click()
        expect(window.get_by_role("alert")).to_contain_text("There is a provider mine already.")
        page.keyboard.press("Escape")
        expect(row).to_contain_text("OpenAI-compatible")

        row.get_by_role("button", name="Change mine").click()
        expect(window.get_by_label("Key", exact=True)).to_have_value("")
        window.get_by_label("Key", exact=True).fill(KEY)
        window.get_by_role("button", name="Save").click()
        expect(window).to_have_count(0)
        row.get_by_role("button", name="Test mine").click()
        expect(row.get_by_role("list", name="Models of mine")).to_contain_text("mine/big-one")
        assert KEY not in page.content()

        page.get_by_role("link", name="Chat", exact=True).click()
        page.get_by_role("button", name="Model: echo").click()
        expect(page.get_by_role("option", name="mine/big-one")).to_be_visible()
        page.keyboard.press("Escape")

        page.get_by_role("link", name="Providers").click()
        row.get_by_role("button", name="Remove mine").click()
        row.get_by_role("button", name="Remove for good").click()
        expect(page.get_by_text("None yet")).to_be_visible()
