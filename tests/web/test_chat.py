"""Talking: the page in a real Chromium against the real server, whose model is an echo."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.conftest import OpenPage
from tests.web.live import LiveServer
from tests.web.steps import answers, ask, composer, listed, questions, send

pytestmark = pytest.mark.browser

LONG = " ".join(f"word{n}" for n in range(200))


def test_an_answer_streams_in_and_the_address_names_the_conversation(
    page: Page, server: LiveServer
) -> None:
    with server.hold() as held:
        send(page, LONG)
        expect(page.get_by_role("status", name="Waiting for the first word")).to_be_visible()
        expect(page).to_have_url(re.compile(r"/app/c/[0-9a-f]+$"))
        held.unlink()
        expect(answers(page)).to_contain_text("word3")
    expect(answers(page)).to_have_attribute("data-status", "complete")
    expect(answers(page)).to_contain_text("word199")
    expect(answers(page)).to_contain_text("200 tokens")
    expect(composer(page)).to_be_focused()


def test_an_example_question_is_one_click_away(page: Page) -> None:
    page.get_by_role("button", name="Tell me a joke.").click()
    expect(answers(page)).to_contain_text("Tell me a joke.")


def test_shift_enter_breaks_the_line_and_the_composer_grows(page: Page) -> None:
    composer(page).fill("one")
    before = composer(page).bounding_box()
    composer(page).press("Shift+Enter")
    composer(page).type("two")
    after = composer(page).bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] > before["height"]
    composer(page).press("Enter")
    expect(questions(page)).to_contain_text("one\ntwo")


def test_stop_before_the_first_word_leaves_an_answer_one_can_ask_for_again(
    page: Page, server: LiveServer
) -> None:
    """The server may not have named the turn yet when a person changes their mind."""
    with server.hold():
        send(page, "never mind")
        page.get_by_role("button", name="Stop answering").click()
        expect(answers(page)).to_have_attribute("data-status", "cancelled")
        expect(answers(page)).to_contain_text("You stopped this answer.")
    page.get_by_role("button", name="Try again").click()
    expect(answers(page)).to_have_attribute("data-status", "complete")
    expect(answers(page)).to_contain_text("never mind")


def test_stop_keeps_what_was_said(page: Page, server: LiveServer) -> None:
    with server.hold(after=6):
        send(page, LONG)
        expect(answers(page)).to_contain_text("word5")
        composer(page).press("Escape")
        expect(answers(page)).to_have_attribute("data-status", "cancelled")
    assert answers(page).locator(".markdown").inner_text() == "word0 word1 word2 word3 word4 word5"
    page.reload()
    expect(answers(page)).to_contain_text("word5")
    expect(answers(page)).to_contain_text("You stopped this answer.")


def test_regenerate_makes_a_branch_and_the_arrows_switch(page: Page) -> None:
    ask(page, "once more")
    page.get_by_role("button", name="Answer again").click()
    expect(page.get_by_text("Version 2 of 2")).to_be_attached()
    expect(answers(page)).to_have_attribute("data-status", "complete")
    with page.expect_response(lambda r: r.request.method == "PATCH"):  # a reload would cancel it
        page.get_by_role("button", name="Previous version").click()
    expect(page.get_by_text("Version 1 of 2")).to_be_attached()
    page.reload()
    expect(page.get_by_text("Version 1 of 2")).to_be_attached()


def test_an_edited_question_is_a_branch_with_its_own_answer(page: Page) -> None:
    ask(page, "about dogs")
    ask(page, "and cats")
    questions(page).first.hover()
    page.get_by_role("button", name="Edit your message").first.click()
    editor = page.get_by_role("textbox", name="Edit your message")
    expect(editor).to_be_focused()
    editor.fill("about foxes")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(answers(page)).to_have_count(1)
    expect(answers(page)).to_contain_text("about foxes")
    expect(answers(page)).to_have_attribute("data-status", "complete")
    page.get_by_role("button", name="Previous version").click()
    expect(answers(page)).to_have_count(2)
    expect(answers(page).last).to_contain_text("and cats")


def test_a_reload_in_mid_stream_loses_and_repeats_nothing(page: Page, server: LiveServer) -> None:
    with server.hold(after=6) as held:
        send(page, LONG)
        expect(answers(page)).to_contain_text("word5")
        page.reload()
        expect(answers(page)).to_have_attribute("data-status", "streaming")
        expect(answers(page)).to_contain_text("word5")
        held.unlink()
        expect(answers(page)).to_have_attribute("data-status", "complete")
    assert answers(page).locator(".markdown").inner_text() == LONG


def test_an_answer_goes_on_while_another_conversation_is_open(
    page: Page, server: LiveServer
) -> None:
    with server.hold(after=6):
        send(page, LONG)
        expect(answers(page)).to_contain_text("word5")
        page.get_by_role("button", name="New chat").first.click()
    ask(page, "meanwhile")
    page.go_back()
    expect(answers(page)).to_have_attribute("data-status", "complete")
    assert answers(page).locator(".markdown").inner_text() == LONG


def test_an_answer_that_ends_leaves_one_on_the_page_one_has_gone_to(
    page: Page, server: LiveServer
) -> None:
    """The address became the conversation's again: what was typed on that page was gone."""
    with server.hold(after=2) as held:
        send(page, LONG)
        expect(answers(page)).to_contain_text("word1")
        page.get_by_role("link", name="Settings").click()
        expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()
        with page.expect_response(lambda r: "/conversations?" in r.url):  # the list is looked at
            held.unlink()
    expect(page.get_by_role("heading", level=1, name="Settings")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/app/settings$"))


def test_an_answer_can_be_stopped_however_many_are_being_written(
    page: Page, server: LiveServer
) -> None:
    """Six that were followed took all connections of the browser: whatever was pressed hung."""
    with server.hold(after=2):
        for number in range(6):
            page.get_by_role("button", name="New chat").first.click()
            send(page, f"many at once {number}")
            expect(answers(page)).to_contain_text("many at")
        listed(page, "many at once 0").first.click()
        expect(questions(page)).to_have_text(["many at once 0"])
        page.get_by_role("button", name="Stop answering").click()
        expect(answers(page)).to_have_attribute("data-status", "cancelled")
    listed(page, "many at once 1").first.click()
    expect(answers(page).locator(".markdown")).to_have_text("many at once 1")
    expect(answers(page)).to_have_attribute("data-status", "complete")


def test_an_error_in_mid_answer_is_told_and_can_be_retried(page: Page) -> None:
    send(page, "one two three four please fail")
    expect(answers(page)).to_have_attribute("data-status", "error")
    expect(answers(page)).to_contain_text("one two three")
    expect(page.get_by_role("alert")).to_contain_text("The echo broke off. Ask something else.")
    expect(page.get_by_role("button", name="Try again")).to_be_enabled()


def test_a_refused_message_goes_back_where_it_was_typed(page: Page) -> None:
    page.route("**/turns", lambda route: route.fulfill(
        status=400,
        json={"error": {"message": "The model is away.", "hint": "Choose another."}},
    ))  # fmt: skip
    send(page, "keep this")
    expect(page.get_by_role("alert")).to_contain_text("The model is away. Choose another.")
    expect(composer(page)).to_have_value("keep this")
    expect(questions(page)).to_have_count(0)


def test_a_refused_message_stands_before_what_was_typed_since(page: Page) -> None:
    """It was dropped where something had been typed, or another chat opened, meanwhile."""
    ask(page, "A first question")
    asked: list[Route] = []

    def keep_waiting(route: Route) -> None:
        asked.append(route)

    page.route("**/turns", keep_waiting)
    send(page, "one")
    expect(questions(page)).to_have_count(2)
    composer(page).fill("two")
    asked.pop().abort()
    expect(page.get_by_role("alert")).to_contain_text("Nothing is lost")
    expect(composer(page)).to_have_value("one\n\ntwo")

    send(page, "three")
    expect(questions(page)).to_have_count(2)
    page.get_by_role("button", name="New chat").first.click()
    composer(page).fill("four")
    asked.pop().fulfill(status=400, json={"error": {"message": "The model is away."}})
    expect(page.get_by_role("alert").filter(has_text="The model is away.")).to_be_visible()
    expect(composer(page)).to_have_value("four")
    page.go_back()
    expect(composer(page)).to_have_value("three")


def test_a_message_cut_off_by_a_reload_on_its_way_is_not_lost(page: Page) -> None:
    page.route("**/turns", lambda route: None)
    send(page, "on its way")
    expect(page).to_have_url(re.compile(r"/app/c/[0-9a-f]+$"))
    page.reload()  # first, for a request that is no longer held goes on to the server
    page.unroute_all()
    expect(composer(page)).to_have_value("on its way")
    expect(questions(page)).to_have_count(0)


def test_a_draft_survives_a_reload_and_is_gone_once_sent(page: Page) -> None:
    composer(page).fill("half a thought")
    page.reload()
    expect(composer(page)).to_have_value("half a thought")
    ask(page, "a whole one")
    page.reload()
    expect(composer(page)).to_have_value("")


def test_scrolling_up_is_respected_and_one_button_leads_back(
    page: Page, server: LiveServer
) -> None:
    page.set_viewport_size({"width": 900, "height": 500})
    ask(page, "\n\n".join(f"paragraph {n}" for n in range(40)))
    viewport = page.locator(".viewport")
    latest = page.get_by_role("button", name="Jump to latest")
    expect(latest).to_be_disabled()
    with server.hold() as held:
        send(page, "\n\n".join(f"line {n}" for n in range(60)))
        # Sending leads to the end of the page: who scrolls before that is led back.
        expect(page.get_by_role("button", name="Stop answering")).to_be_visible()
        viewport.hover()
        page.mouse.wheel(0, -3000)
        expect(latest).to_be_enabled()
        held.unlink()
        expect(answers(page).last).to_have_attribute("data-status", "complete")
    assert viewport.evaluate("e => e.scrollHeight - e.scrollTop - e.clientHeight") > 500
    latest.click()
    expect(latest).to_be_disabled()


def test_settings_of_a_conversation_reach_the_model_and_are_remembered(page: Page) -> None:
    page.get_by_role("button", name="Answer settings").click()
    page.get_by_role("spinbutton", name="Longest answer").fill("2")
    page.keyboard.press("Escape")
    with page.expect_response(lambda response: response.request.method == "PATCH"):
        send(page, "one two three four")
    expect(answers(page)).to_contain_text("Cut off at the length limit.")
    assert answers(page).locator(".markdown").inner_text() == "one two"
    page.reload()
    expect(answers(page)).to_be_visible()
    page.get_by_role("button", name="Answer settings").click()
    expect(page.get_by_role("spinbutton", name="Longest answer")).to_have_value("2")


def test_instructions_go_with_the_question(page: Page) -> None:
    page.get_by_role("button", name="Answer settings").click()
    page.get_by_role("textbox", name="Instructions").fill("Answer like a pirate.")
    page.keyboard.press("Escape")
    with page.expect_request("**/turns") as asked:
        ask(page, "hello")
    sent = asked.value.post_data_json or {}
    assert sent["settings"]["system"] == "Answer like a pirate."


def test_settings_of_a_new_chat_survive_a_first_question_that_is_refused(page: Page) -> None:
    """They stayed behind with the chat that was no conversation yet."""
    page.get_by_role("button", name="Answer settings").click()
    page.get_by_role("spinbutton", name="Longest answer").fill("2")
    page.keyboard.press("Escape")
    error = {"error": {"message": "The model is away."}}
    page.route("**/turns", lambda route: route.fulfill(status=400, json=error))
    send(page, "one two three four")
    expect(page.get_by_role("alert")).to_contain_text("The model is away.")
    expect(page).to_have_url(re.compile(r"/app/c/[0-9a-f]+$"))
    page.unroute_all()
    composer(page).press("Enter")
    expect(answers(page)).to_contain_text("Cut off at the length limit.")
    assert answers(page).locator(".markdown").inner_text() == "one two"


def test_the_model_is_shown_and_can_be_chosen(page: Page) -> None:
    page.get_by_role("button", name="Model: echo").click()
    option = page.get_by_role("option", name="echo")
    expect(option).to_contain_text("context of 128k")
    expect(option).to_be_focused()
    option.press("Enter")
    expect(page.get_by_role("listbox")).to_have_count(0)


def test_a_conversation_that_does_not_exist_says_so(
    open_page: OpenPage, server: LiveServer
) -> None:
    page = open_page(server.url, "/app/c/00000000000000000000000000000000")
    expect(page.get_by_role("alert")).to_contain_text("This conversation does not exist")
