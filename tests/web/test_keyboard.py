"""Everything without a mouse: the palette, the sheet of shortcuts, the way of the Tab key."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.web.conftest import OpenPage
from tests.web.live import LiveServer
from tests.web.steps import answers, ask, composer

pytestmark = pytest.mark.browser

BACKGROUND = "getComputedStyle(document.body).backgroundColor"
UNSEEN = """() => {
    const element = document.activeElement;
    const plain = (style) => style.outlineStyle === "none" && style.boxShadow === "none";
    const around = element.closest(".composer, .search, .palette-field");
    const shown = [element, around].filter(Boolean);
    return shown.every((e) => plain(getComputedStyle(e))) ? element.outerHTML.slice(0, 120) : "";
}"""


def palette(page: Page) -> Locator:
    """Open it with its keys; the field to type into."""
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="What do you want to do?")
    expect(field).to_be_focused()
    return field


def chosen(page: Page) -> Locator:
    """The option that Enter would run."""
    listbox = page.get_by_role("listbox", name="Commands")
    return listbox.get_by_role("option", selected=True)


def test_the_palette_goes_to_a_page_and_back_into_a_conversation(page: Page) -> None:
    ask(page, "Quagga question")
    conversation = page.url
    palette(page).fill("settings")
    expect(chosen(page)).to_have_text("Settings")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()
    palette(page).fill("quagga")
    expect(chosen(page)).to_have_text("Quagga question")
    page.keyboard.press("Enter")
    expect(page).to_have_url(conversation)
    expect(answers(page)).to_contain_text("Quagga question")


def test_the_palette_walks_its_options_and_tells_a_screen_reader_which(page: Page) -> None:
    field = palette(page)
    options = page.get_by_role("listbox", name="Commands").get_by_role("option")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    active = options.nth(1).get_attribute("id")
    assert active is not None
    expect(field).to_have_attribute("aria-activedescendant", active)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    expect(options.last).to_be_in_viewport()
    field.fill("no such thing at all")
    expect(page.get_by_text("Nothing fits.")).to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "false")


def test_the_palette_changes_theme_and_language(page: Page) -> None:
    palette(page).fill("theme dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    palette(page).fill("deutsch")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("textbox", name="Nachricht", exact=True)).to_be_visible()


def test_closing_the_palette_gives_the_focus_back(page: Page) -> None:
    composer(page).fill("half a thought")
    palette(page)
    page.keyboard.press("Escape")
    expect(composer(page)).to_be_focused()
    expect(composer(page)).to_have_value("half a thought")
    palette(page)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_escape_in_the_palette_does_not_stop_an_answer(page: Page, server: LiveServer) -> None:
    """One press must not close one thing and end another."""
    with server.hold(after=3):
        composer(page).fill("one two three four five six")
        composer(page).press("Enter")
        expect(answers(page)).to_contain_text("three")
        palette(page)
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(answers(page)).to_have_attribute("data-status", "streaming")
    expect(answers(page)).to_have_attribute("data-status", "complete")


def test_escape_elsewhere_or_over_the_chat_does_not_stop_an_answer(
    page: Page, server: LiveServer
) -> None:
    """It stopped the chat's answer on any page, and with the drawer that it closed."""
    with server.hold(after=3):
        composer(page).fill("seven eight nine ten eleven")
        composer(page).press("Enter")
        expect(answers(page)).to_contain_text("nine")
        address = page.url
        page.get_by_role("link", name="Settings").click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_role("link", name="seven eight nine ten eleven").click()
        page.wait_for_url(address)
        page.set_viewport_size({"width": 400, "height": 800})
        page.get_by_role("button", name="Show conversations").click()
        page.get_by_role("button", name="Hide conversations").press("Escape")
        expect(page.get_by_role("button", name="Show conversations")).to_be_visible()
        expect(answers(page)).to_have_attribute("data-status", "streaming")
        page.keyboard.press("Escape")
        expect(answers(page)).to_have_attribute("data-status", "cancelled")


def test_a_question_mark_opens_the_sheet_unless_one_is_writing(page: Page) -> None:
    composer(page).press("?")
    expect(composer(page)).to_have_value("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_have_count(0)
    composer(page).press("Control+/")
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    expect(composer(page)).to_be_focused()
    composer(page).blur()
    page.keyboard.press("?")
    expect(sheet.get_by_text("New chat")).to_be_visible()


def test_the_tab_key_begins_with_a_way_past_the_sidebar(
    open_page: OpenPage, server: LiveServer
) -> None:
    page = open_page(server.url, "/app/settings")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_wherever_the_tab_key_goes_one_sees_it(page: Page) -> None:
    ask(page, "seen")
    unseen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement !== document.body"):
            unseen.append(page.evaluate(UNSEEN))
    assert [where for where in unseen if where] == []


def reach(page: Page, target: Locator, key: str = "Tab") -> None:
    """Go there by this key alone."""
    expect(target.first).to_be_attached()
    for _ in range(150):
        if target.first.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press(key)
    pytest.fail(f"{key} never came to {target}")


def test_a_conversation_from_question_to_correction_without_a_mouse(page: Page) -> None:
    """Asked, asked otherwise, looked back at, rated, renamed: each by keys, from where the one
    before it left the focus."""
    reach(page, composer(page))
    page.keyboard.type("Brown quagga")
    page.keyboard.press("Enter")
    expect(answers(page).last).to_have_attribute("data-status", "complete")
    reach(page, page.get_by_role("button", name="Edit your message"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Edit your message")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("White quagga")
    page.keyboard.press("Enter")
    expect(answers(page).last).to_contain_text("White quagga")
    expect(answers(page).last).to_have_attribute("data-status", "complete")
    reach(page, page.get_by_role("button", name="Previous version"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(answers(page).last).to_contain_text("Brown quagga")
    reach(page, page.get_by_role("button", name="Bad answer"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    reach(page, page.get_by_role("button", name="Options for Brown quagga"), "Shift+Tab")
    page.keyboard.press("Enter")
    reach(page, page.get_by_role("menuitem", name="Rename"), "ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Title")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("Zebras of old")
    page.keyboard.press("Enter")
    listed = page.get_by_role("navigation", name="Conversations").get_by_role("link")
    expect(listed.filter(has_text="Zebras of old")).to_be_visible()
