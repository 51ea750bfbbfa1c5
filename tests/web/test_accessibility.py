"""axe-core looks at every place of the page, and nothing is wider than a phone.

axe comes from `web/node_modules`, put into the page by the test; it is no part of what is served.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import OpenPage
from tests.web.live import ROOT, LiveServer, live_server
from tests.web.walk import ANSWER, PLACES, page_names

pytestmark = pytest.mark.browser

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
CONTRAST = Path(__file__).parent / "contrast.js"
RUN = """async () => {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
            `${id}: ${target.join(" ")}: ${failureSummary}`));
}"""
TOO_WIDE = """() => {
    const wide = document.documentElement.clientWidth;
    const scrolls = (e) => e !== null && e !== document.body &&
        (/auto|scroll|hidden/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
    return [...document.querySelectorAll("body *")]
        .filter((e) => e.checkVisibility({ visibilityProperty: true }))
        .filter((e) => e.getBoundingClientRect().right > wide + 1)
        .filter((e) => !scrolls(e.parentElement) && !e.closest(".visually-hidden"))
        .map((e) => `${e.tagName}.${e.className}: ${e.getBoundingClientRect().right}`);
}"""
MOVES = """() => document.getAnimations()
    .filter((a) => a.effect.getComputedTiming().activeDuration > 1)
    .map((a) => a.animationName ?? a.transitionProperty)"""
PHONE = {"viewport": {"width": 390, "height": 760}, "is_mobile": True, "has_touch": True}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": PHONE,
    "german": {"locale": "de-DE"},
}


def problems(page: Page) -> list[str]:
    """What axe calls serious or critical. It is evaluated, not loaded: the policy stays."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed (make web)")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(RUN)
    return found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious(
    open_page: OpenPage, server: LiveServer, look: str, place: str
) -> None:
    path, step = PLACES[place]
    page = open_page(server.url, path, reduced_motion="reduce", **LOOKS[look])
    step(page)
    lang = "de" if look == "german" else "en"
    expect(page.locator("html")).to_have_attribute("lang", lang)
    assert problems(page) == []
    if look == "phone":
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate(TOO_WIDE) == []
    if look == "dark":
        assert page.evaluate(CONTRAST.read_text(encoding="utf-8")) == []


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with two models."""
    twin = {"MINI_CLAUDE_TEST_TWIN": "1"}
    with live_server(tmp_path_factory.mktemp("twins"), environment=twin) as live:
        yield live


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious_in_a_comparison(
    open_page: OpenPage, twins: LiveServer, look: str
) -> None:
    page = open_page(twins.url, reduced_motion="reduce", **LOOKS[look])
    page.locator(".header [aria-haspopup=menu]").last.click()
    page.get_by_role("menuitem", name="twin/echo").click()
    page.locator(".composer textarea").fill(ANSWER)
    page.locator(".send").click()
    expect(page.locator(".comparison-column footer button")).to_have_count(2)
    assert problems(page) == []


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious_in_a_call_of_a_tool(
    open_page: OpenPage, twins: LiveServer, look: str
) -> None:
    page = open_page(twins.url, reduced_motion="reduce", **LOOKS[look])
    page.locator(".composer textarea").fill("Hello")
    page.locator(".send").click()
    expect(page.locator("[data-status=complete]")).to_be_visible()
    path = f"/conversations/{page.url.rsplit('/', 1)[1]}"
    page.request.patch(path, data={"settings": {"tools": ["calculator"], "ask_leave": True}})
    page.reload()
    page.locator(".composer textarea").fill("calculate: 37 + 48")
    page.locator(".send").click()
    leave = page.locator(".tool-leave button").first
    expect(leave).to_be_visible()
    assert problems(page) == []
    leave.click()
    expect(page.locator(".tool[data-status=done]")).to_be_visible()
    page.locator(".tool summary").click()
    assert problems(page) == []


@pytest.mark.parametrize("path", ["/", *(f"/app/{name}" for name in page_names())])
def test_every_page_asks_for_the_key_and_takes_it(
    open_page: OpenPage, guarded: LiveServer, path: str
) -> None:
    """Also a second time, for a server that was started anew with another key."""
    page = open_page(guarded.url, path, reduced_motion="reduce")
    dialog = page.get_by_role("dialog", name="This server asks for a key")
    expect(dialog).to_be_visible()
    assert problems(page) == []
    dialog.get_by_label("API key").fill("first-key-of-the-tests")
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_have_count(0)
    page.evaluate("sessionStorage.setItem('mini-claude:key', 'the-key-that-was')")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(dialog).to_contain_text("not accepted")
    dialog.get_by_label("API key").fill("first-key-of-the-tests")
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server that wants a key."""
    key = {"MINI_CLAUDE_API_KEY": "first-key-of-the-tests"}
    with live_server(tmp_path_factory.mktemp("guarded"), environment=key) as live:
        yield live


def test_nothing_moves_for_who_asked_for_stillness(open_page: OpenPage, server: LiveServer) -> None:
    page = open_page(server.url, reduced_motion="reduce")
    with server.hold():
        page.locator(".composer textarea").fill("hold still")
        page.locator(".send").click()
        expect(page.locator(".thinking")).to_be_visible()
        page.keyboard.press("Control+k")
        assert page.evaluate(MOVES) == []
