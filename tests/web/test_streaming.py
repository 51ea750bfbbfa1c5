"""What one sees while an answer grows, and when the line breaks in the middle of one."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.web.live import LiveServer
from tests.web.steps import answers, ask, send

pytestmark = pytest.mark.browser

LONG = " ".join(f"word{n}" for n in range(200))
MARKDOWN = "\n\n".join(
    [
        "# A heading and some words",
        "- one **bold** point\n- another with `code`",
        "| a | b |\n| - | - |\n| 1 | 2 |",
        "```python\nprint('some code')\n```",
        "The formula $x^2 + y^2 = z^2$ and its end.",
    ]
    * 4
)
WATCH_SHIFTS = """() => {
    window.shifted = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.shifted += entry.value;
    }).observe({ type: "layout-shift" });
}"""


def test_nothing_that_is_read_moves_while_an_answer_grows(page: Page, server: LiveServer) -> None:
    """Cumulative Layout Shift: from 0.1 on, what one reads jumps."""
    ask(page, "short")
    with server.hold(after=6) as held:
        send(page, MARKDOWN)
        expect(answers(page).last).to_contain_text("A heading")
        page.evaluate(WATCH_SHIFTS)
        held.unlink()
        expect(answers(page).last).to_have_attribute("data-status", "complete")
    expect(answers(page).last.locator("table")).to_have_count(4)
    assert page.evaluate("shifted") < 0.1


def test_markdown_is_drawn_while_the_answer_goes_on(page: Page, server: LiveServer) -> None:
    with server.hold(after=40):
        send(page, MARKDOWN)
        answer = answers(page)
        expect(answer.get_by_role("heading", name="A heading and some words")).to_be_visible()
        expect(answer.locator("strong").first).to_have_text("bold")
        expect(answer).to_have_attribute("data-status", "streaming")


def test_how_fast_it_was_is_told(page: Page) -> None:
    answer = ask(page, LONG)
    expect(answer).to_contain_text(re.compile(r"200 tokens · [\d.,]+ tokens/s"))


def test_a_line_that_breaks_in_mid_answer_loses_nothing(page: Page, server: LiveServer) -> None:
    with server.hold(after=6) as held:
        send(page, LONG)
        expect(answers(page)).to_contain_text("word5")
        page.context.set_offline(True)
        held.unlink()
        expect(page.get_by_text("The server does not answer.")).to_be_visible()
        page.context.set_offline(False)
    expect(answers(page)).to_have_attribute("data-status", "complete")
    words = answers(page).locator(".markdown").inner_text().split()
    assert words == LONG.split()


def test_what_is_asked_offline_goes_back_where_it_was_typed(page: Page) -> None:
    ask(page, "before")
    page.context.set_offline(True)
    send(page, "while away")
    expect(page.get_by_text("The server does not answer.")).to_be_visible()
    box = page.get_by_role("textbox", name="Message", exact=True)
    expect(box).to_have_value("while away")
    page.context.set_offline(False)
    expect(page.get_by_text("The server does not answer.")).to_have_count(0)
    box.press("Enter")
    expect(answers(page).last).to_contain_text("while away")
