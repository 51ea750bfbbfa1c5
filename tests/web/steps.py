"""What a person does on the page, by the names a screen reader reads out."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Locator, Page, expect


def composer(page: Page) -> Locator:
    """Where one types."""
    return page.get_by_role("textbox", name="Message", exact=True)


def send(page: Page, text: str) -> None:
    """Type and press Enter."""
    composer(page).fill(text)
    composer(page).press("Enter")


def answers(page: Page) -> Locator:
    """The answers on the screen, in order."""
    return page.get_by_role("article", name="Answer")


def questions(page: Page) -> Locator:
    """What was said, in order."""
    return page.get_by_role("article", name="You said")


def ask(page: Page, text: str) -> Locator:
    """Send a text and wait for the end of its answer."""
    send(page, text)
    answer = answers(page).last
    expect(answer).to_have_attribute("data-status", "complete")
    return answer


def listed(page: Page, title: str) -> Locator:
    """A conversation in the list."""
    return page.get_by_role("navigation", name="Conversations").get_by_role("link", name=title)


def choose(page: Page, title: str, action: str) -> None:
    """Something from a conversation's menu."""
    listed(page, title).hover()
    page.get_by_role("button", name=f"Options for {title}").click()
    page.get_by_role("menuitem", name=action).click()


def save(page: Page, title: str, form: str) -> Path:
    """A conversation as a file."""
    choose(page, title, "Export…")
    with page.expect_download() as saving:
        page.get_by_role("dialog", name="Export").get_by_role("button", name=form).click()
    return saving.value.path()
