"""Every place of the page, for the tests that look at all of them."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.web.live import ROOT

ROUTE = ROOT / "web" / "src" / "app" / "route.ts"
ANSWER = (
    "# Heading\n\nSome `code`, a [link](https://example.org) and **weight**.\n\n"
    "```python\n# comment\nx = 'a line that is too long for a phone, even one held sideways'\n```\n"
    "\n"
    "| a column | another column | a third column | a fourth column |\n|---|---|---|---|\n"
    "| unbreakable_words | unbreakable_words | unbreakable_words | unbreakable_words |\n\n"
    "$$x^2 + y^2 = z^2$$\n\n- one\n- two\n"
)


def page_names() -> list[str]:
    """The pages beside the chat, as route.ts lists them."""
    [listed] = re.findall(r"PAGES = \[([^\]]*)\]", ROUTE.read_text(encoding="utf-8"))
    names = re.findall(r'"([a-z]+)"', listed)
    assert "settings" in names
    return names


def _empty_chat(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def _chat(page: Page) -> None:
    # In any language: `ask` and its like go by English names.
    box = page.locator(".composer textarea")
    box.fill(ANSWER)
    page.locator(".send").click()  # on a phone, Enter breaks the line
    expect(page.locator("[data-status=complete]")).to_be_visible()
    expect(page.locator(".katex").first).to_be_visible()


def _palette(page: Page) -> None:
    _empty_chat(page)
    page.keyboard.press("Control+k")
    expect(page.locator("dialog.palette")).to_be_visible()


def _shortcuts(page: Page) -> None:
    _empty_chat(page)
    page.keyboard.press("Control+/")
    expect(page.locator("dialog")).to_be_visible()


def _models(page: Page) -> None:
    _empty_chat(page)
    button = page.locator(".model-button")
    expect(button).to_contain_text("echo")  # what opens before the models are there closes again
    button.click()
    expect(page.get_by_role("listbox")).to_be_visible()


def _answer_settings(page: Page) -> None:
    _empty_chat(page)
    page.locator(".header [aria-haspopup=dialog]").first.click()
    expect(page.get_by_role("dialog")).to_be_visible()


def _drawer(page: Page) -> None:
    _empty_chat(page)
    if page.locator(".header .only-narrow").first.is_visible():
        page.locator(".header .only-narrow").first.click()
    expect(page.locator("nav.nav")).to_be_visible()


Step = Callable[[Page], None]

PLACES: dict[str, tuple[str, Step]] = {
    "empty chat": ("/", _empty_chat),
    "chat": ("/", _chat),
    "command palette": ("/", _palette),
    "shortcuts": ("/", _shortcuts),
    "model picker": ("/", _models),
    "answer settings": ("/", _answer_settings),
    "sidebar": ("/", _drawer),
    **{name: (f"/app/{name}", _empty_chat) for name in page_names()},
}
"""Name to the address and what is done there."""
