"""The pages beside the chat: the way there and back, the language, the address."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import OpenPage
from tests.web.live import LiveServer
from tests.web.steps import ask, composer


def pages(page: Page) -> Locator:
    """The list of pages, by its name in either language."""
    return page.locator("nav.nav")


def test_every_page_has_an_address_and_the_chat_is_kept(page: Page) -> None:
    """Looking at another page must not lose what was being written."""
    ask(page, "remember this")
    conversation = page.url
    composer(page).fill("half a thought")
    page.get_by_role("link", name="Settings").click()
    expect(page).to_have_url(page.url.split("/app")[0] + "/app/settings")
    expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()
    expect(page).to_have_title("Settings · Mini-Claude")
    page.go_back()
    expect(page).to_have_url(conversation)
    expect(composer(page)).to_have_value("half a thought")


def test_the_language_can_be_chosen_and_is_remembered(page: Page) -> None:
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("combobox", name="Language").select_option("de")
    expect(page.get_by_role("heading", level=1, name="Einstellungen")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.reload()
    expect(page.get_by_role("heading", level=1, name="Einstellungen")).to_be_visible()


def test_the_browsers_own_language_is_taken(open_page: OpenPage, server: LiveServer) -> None:
    page = open_page(server.url, "/app/settings", locale="de-AT")
    expect(page.get_by_role("combobox", name="Sprache")).to_have_value("")
    expect(pages(page)).to_contain_text("Einstellungen")


def test_an_address_of_no_page_is_the_chat(open_page: OpenPage, server: LiveServer) -> None:
    page = open_page(server.url, "/app/nonsense")
    expect(composer(page)).to_be_visible()
