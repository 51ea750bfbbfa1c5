"""The page as a whole: themes, keys, phones, and a server that comes and goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.web.conftest import OpenPage
from tests.web.live import LiveServer, live_server
from tests.web.steps import answers, ask, composer, listed, send

pytestmark = pytest.mark.browser

BACKGROUND = "getComputedStyle(document.body).backgroundColor"
KEY = "a-key-for-the-tests"
STORED = """async (path) => {
    const { messages } = await (await fetch(path)).json();
    return messages.at(-1).content.endsWith("word5");
}"""
"""The words reach the store within a second of being said."""


def _is_dark(page: Page) -> bool:
    colour = str(page.evaluate(BACKGROUND))
    return sum(int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")) < 200


def test_the_theme_follows_the_system_until_one_is_chosen(
    open_page: OpenPage, server: LiveServer
) -> None:
    page = open_page(server.url, color_scheme="dark")
    assert _is_dark(page)
    page.get_by_role("button", name="Theme: as the system").click()
    expect(page.get_by_role("button", name="Theme: light")).to_be_visible()
    assert not _is_dark(page)
    page.reload()
    expect(page.get_by_role("button", name="Theme: light")).to_be_visible()
    assert not _is_dark(page)
    page.get_by_role("button", name="Theme: light").click()
    assert _is_dark(page)


def test_keys_start_a_new_chat_and_search(page: Page) -> None:
    ask(page, "first")
    composer(page).press("Control+Shift+O")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(composer(page)).to_be_focused()
    composer(page).blur()
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Search conversations")).to_be_focused()


def test_every_control_has_a_name_and_every_field_a_label(page: Page) -> None:
    ask(page, "named\n\n```\ncode\n```")
    page.get_by_role("button", name="Answer settings").click()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, textarea, [role=region]")]
            .filter((e) => !e.closest("[aria-hidden=true]") && e.checkVisibility())
            .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length))
            .map((e) => e.outerHTML)"""
    )
    assert nameless == []
    assert page.evaluate("document.documentElement.lang") == "en"
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(
    open_page: OpenPage, server: LiveServer, scheme: str
) -> None:
    """WCAG AA asks for a contrast of 4.5; colours are measured where text is, as drawn."""
    page = open_page(server.url, color_scheme=scheme)
    ask(page, "Some `code`\n\n```python\n# comment\nx = 'y'\n```\n\n| a |\n|---|\n| 1 |")
    expect(page.locator(".hljs-comment")).to_be_visible()
    page.get_by_role("button", name="Answer settings").click()
    assert page.evaluate((Path(__file__).parent / "contrast.js").read_text()) == []


def test_on_a_phone_the_list_is_a_drawer(open_page: OpenPage, server: LiveServer) -> None:
    page = open_page(
        server.url, viewport={"width": 390, "height": 760}, is_mobile=True, has_touch=True
    )
    expect(page.get_by_role("navigation", name="Conversations")).to_be_hidden()
    send(page, "from a phone")
    page.get_by_role("button", name="Send message").click()
    expect(answers(page)).to_contain_text("from a phone")
    page.get_by_role("button", name="Show conversations").click()
    expect(page.get_by_role("button", name="Hide conversations")).to_be_focused()
    listed(page, "from a phone").first.click()
    expect(page.get_by_role("navigation", name="Conversations")).to_be_hidden()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, "the page must not scroll sideways"


def test_the_page_recovers_by_itself_when_the_server_was_away(
    open_page: OpenPage, home: Path
) -> None:
    with live_server(home) as first:
        page = open_page(first.url)
        ask(page, "before")
    send(page, "during")
    notice = page.get_by_text("The server does not answer.")
    expect(notice).to_be_visible()
    fade_begins = page.locator(".header").bounding_box()
    box = page.locator(".connection-notice").bounding_box()
    assert fade_begins is not None
    assert box is not None
    assert box["y"] >= fade_begins["y"] + fade_begins["height"] + 18, "it fades under the header"
    expect(composer(page)).to_have_value("during")
    with live_server(home, port=first.port):
        expect(page.get_by_text("The server does not answer.")).to_have_count(0)
        composer(page).press("Enter")
        expect(answers(page)).to_have_count(2)
        expect(answers(page).last).to_have_attribute("data-status", "complete")


def test_an_answer_the_server_died_on_is_kept_and_marked(open_page: OpenPage, home: Path) -> None:
    with live_server(home) as first, first.hold(after=6):
        page = open_page(first.url)
        send(page, " ".join(f"word{n}" for n in range(100)))
        expect(answers(page)).to_contain_text("word5")
        page.wait_for_function(STORED, arg=f"/conversations/{page.url.rsplit('/', 1)[1]}")
        first.process.kill()
        first.process.wait()
    with live_server(home, port=first.port):
        expect(answers(page)).to_have_attribute("data-status", "interrupted")
        expect(answers(page)).to_contain_text("word5")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_a_key_is_asked_for_and_kept_for_the_tab(open_page: OpenPage, home: Path) -> None:
    with live_server(home, environment={"MINI_CLAUDE_API_KEY": KEY}) as guarded:
        page = open_page(guarded.url)
        dialog = page.get_by_role("dialog", name="This server asks for a key")
        dialog.get_by_label("API key").fill("wrong-key")
        dialog.get_by_role("button", name="Continue").click()
        expect(dialog).to_contain_text("not accepted")
        dialog.get_by_label("API key").fill(KEY)
        dialog.get_by_role("button", name="Continue").click()
        expect(dialog).to_have_count(0)
        ask(page, "let in")
        page.reload()
        expect(answers(page)).to_contain_text("let in")
        assert KEY not in str(page.evaluate("JSON.stringify(localStorage)"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/app/models", "On this machine"),
        ("/app/providers", "Services"),
        ("/app/training/new", "Base model"),
    ],
)
def test_a_page_opened_before_its_key_was_given_loads_after(
    open_page: OpenPage, home: Path, path: str, name: str
) -> None:
    """It stayed at its error, and whoever had signed in had to reload."""
    write_tiny_checkpoint(home / "models" / "tiny")
    with live_server(home, environment={"MINI_CLAUDE_API_KEY": KEY}) as guarded:
        page = open_page(guarded.url, path)
        dialog = page.get_by_role("dialog", name="This server asks for a key")
        expect(page.get_by_role("main").get_by_role("alert").first).to_be_attached()
        dialog.get_by_label("API key").fill(KEY)
        dialog.get_by_role("button", name="Continue").click()
        if name == "Base model":
            base = page.get_by_role("combobox", name=name)
            expect(base.get_by_role("option", name="tiny")).to_be_attached()
        else:
            expect(page.get_by_role("region", name=name)).to_be_visible()
        expect(page.get_by_role("main").get_by_role("alert")).to_have_count(0)


def test_the_page_is_small_enough_to_open_at_once(page: Page) -> None:
    """What is needed before the first word: 350 kB of script, compressed."""
    sizes = page.evaluate(
        """performance.getEntriesByType("resource")
            .filter((entry) => entry.name.endsWith(".js"))
            .map((entry) => entry.encodedBodySize)"""
    )
    assert 0 < sum(sizes) <= 350_000
