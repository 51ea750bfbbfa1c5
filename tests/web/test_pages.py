"""The pages beside the chat: the way there and back, the language, the address."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import OpenPage
from tests.web.live import LiveServer, live_server
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


def test_a_page_that_breaks_says_so_and_leaves_the_others_alone(page: Page) -> None:
    """One answer that a page does not understand emptied the whole window, for good."""
    page.route("**/library", lambda route: route.fulfill(json={"models": [], "exports": None}))
    page.get_by_role("link", name="Models").click()
    broken = page.get_by_role("main").get_by_role("alert")
    expect(broken).to_contain_text("Something in this page went wrong")
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()
    page.go_back()
    expect(broken).to_be_visible()
    page.unroute("**/library")
    broken.get_by_role("button", name="Load it again").click()
    expect(page.get_by_role("heading", level=1, name="Models")).to_be_visible()


def test_an_address_of_no_page_is_the_chat(open_page: OpenPage, server: LiveServer) -> None:
    page = open_page(server.url, "/app/nonsense")
    expect(composer(page)).to_be_visible()


def test_the_first_visit_is_explained_until_it_is_dismissed(
    open_page: OpenPage, server: LiveServer
) -> None:
    """An explanation that comes back is an advertisement; one that never comes helps nobody."""
    page = open_page(server.url)
    explained = page.get_by_role("region", name="First visit")
    expect(explained).to_contain_text("no account, no cloud, no telemetry")
    page.reload()
    expect(explained).to_be_visible()
    explained.get_by_role("button", name="Dismiss the welcome").click()
    expect(explained).to_have_count(0)
    expect(page.get_by_role("list", name="Example questions")).to_be_visible()
    page.reload()
    expect(page.get_by_role("list", name="Example questions")).to_be_visible()
    expect(explained).to_have_count(0)
    another = open_page(server.url)
    expect(another.get_by_role("region", name="First visit")).to_be_visible()


def test_the_settings_choose_where_the_browser_has_not(open_page: OpenPage, home: Path) -> None:
    """What is in config.toml must not win over what a person chose on the page, not even over
    leaving it to the system."""
    home.mkdir()
    (home / "config.toml").write_text('theme = "dark"\nlanguage = "de"\n')
    with live_server(home) as live:
        page = open_page(live.url, "/app/settings")
        html = page.locator("html")
        expect(html).to_have_attribute("data-theme", "dark")
        expect(html).to_have_attribute("lang", "de")
        page.get_by_role("combobox", name="Farben").select_option("system")
        page.get_by_role("combobox", name="Sprache").select_option("")
        for _ in range(2):
            expect(page.get_by_role("combobox", name="Theme")).to_have_value("system")
            expect(html).to_have_attribute("lang", "en")
            expect(html).not_to_have_attribute("data-theme", "dark")
            page.reload()
