"""A search leads to the words: in the list, and in the conversation, on their branch."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import OpenPage
from tests.web.live import LiveServer
from tests.web.steps import answers, ask, listed, questions, save

pytestmark = pytest.mark.browser

PAINTED = "[...(CSS.highlights.get('found') ?? [])].map((range) => range.toString())"


def search(page: Page, words: str) -> None:
    page.get_by_role("textbox", name="Search conversations").fill(words)


def import_long(page: Page, title: str, count: int) -> str:
    """A conversation of so many messages, in each a word of its own; its id."""
    messages = [
        {
            "parent": place - 1 if place else None,
            "role": "assistant" if place % 2 else "user",
            "content": f"message word{place}x of {count}",
            "status": "complete",
            "created_at": 1.0,
            **dict.fromkeys(
                (
                    "model",
                    "finish_reason",
                    "prompt_tokens",
                    "completion_tokens",
                    "error",
                    "settings",
                )
            ),
        }
        for place in range(count)
    ]
    document = {
        "format": "mini-claude.conversation",
        "version": 1,
        "title": title,
        "pinned": False,
        "archived": False,
        "head": count - 1,
        "created_at": 1.0,
        "updated_at": 2.0,
        "messages": messages,
    }
    response = page.request.post(
        "/conversations/import",
        data=json.dumps(document),
        headers={"content-type": "application/json"},
    )
    return str(response.json()["first_id"])


def test_a_find_opens_at_its_message_on_its_branch_with_the_words_marked(page: Page) -> None:
    ask(page, "Where do lemurs live?")
    questions(page).first.hover()
    page.get_by_role("button", name="Edit your message").click()
    page.get_by_role("textbox", name="Edit your message").fill("Where do quokkas live?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(answers(page).last).to_contain_text("quokkas")
    page.get_by_role("button", name="New chat").first.click()
    search(page, "lemur")
    row = listed(page, "Where do lemurs live?")
    expect(row.locator("mark")).to_have_text(["lemur", "lemur"])
    row.click()
    expect(answers(page)).to_contain_text("lemurs")
    expect(page.get_by_text("Version 1 of 2").first).to_be_attached()
    page.wait_for_function(f"() => {PAINTED}.length >= 2")
    assert set(page.evaluate(PAINTED)) == {"lemur"}
    text = save(page, "Where do lemurs live?", "Markdown").read_text()
    assert ("lemurs" in text, "quokkas" in text) == (True, False)  # what is on the screen
    search(page, "")
    page.wait_for_function("() => !CSS.highlights.has('found')")


def test_a_find_far_back_in_a_long_conversation_is_scrolled_to(
    open_page: OpenPage, server: LiveServer
) -> None:
    """Only the end of a long conversation is drawn; what was found must be, too."""
    page = open_page(server.url)
    id = import_long(page, "Long one", 400)
    page.reload()
    search(page, "word101x")
    row = listed(page, "Long one")
    expect(row.locator("mark")).to_have_text("word101x")
    row.click()
    expect(answers(page).filter(has_text="word101x")).to_be_in_viewport()
    page.wait_for_function(f"() => {PAINTED}.length === 1")
    page.request.delete(f"/conversations/{id}")


def test_the_topmost_answer_that_is_drawn_is_given_again(
    open_page: OpenPage, server: LiveServer
) -> None:
    """Its question is not drawn: the button had nothing to answer, and did nothing."""
    page = open_page(server.url)
    id = import_long(page, "Long three", 301)
    page.goto(f"/app/c/{id}")
    top = answers(page).first
    expect(top).to_contain_text("word261x")
    top.hover()
    top.get_by_role("button", name="Answer again").click()
    expect(answers(page).last).to_contain_text("word260x")
    expect(answers(page).last).to_have_attribute("data-status", "complete")
    whole = page.request.get(f"/conversations/{id}").json()["messages"]
    asked = next(m for m in whole if "word260x" in m["content"] and m["role"] == "user")
    assert len([m for m in whole if m["parent_id"] == asked["id"]]) == 2
    page.request.delete(f"/conversations/{id}")


def test_earlier_messages_of_a_long_conversation_are_a_click_away(
    open_page: OpenPage, server: LiveServer
) -> None:
    page = open_page(server.url)
    id = import_long(page, "Long two", 300)
    page.goto(f"/app/c/{id}")
    expect(answers(page).last).to_be_in_viewport()
    # What fills the screen is drawn at once, more above it a moment later: nothing may move.
    expect(answers(page)).to_have_count(20)
    expect(answers(page).last).to_be_in_viewport()
    page.get_by_role("button", name="Show earlier messages (260)").click()
    expect(answers(page)).to_have_count(70)
    first = questions(page).first
    first.scroll_into_view_if_needed()
    first.hover()
    first.get_by_role("button", name="Edit your message").click()
    page.get_by_role("textbox", name="Edit your message").fill("another turn of events")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(answers(page).last).to_contain_text("another turn of events")
    whole = page.request.get(f"/conversations/{id}").json()
    by_id = {message["id"]: message for message in whole["messages"]}
    asked = next(m for m in whole["messages"] if m["content"] == "another turn of events")
    assert by_id[asked["parent_id"]]["content"] == "message word159x of 300"
    page.request.delete(f"/conversations/{id}")
