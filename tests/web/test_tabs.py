"""Two tabs on one conversation, and clocks that disagree: nothing is lost, in the store or on the
screen."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.web.conftest import OpenPage
from tests.web.live import LiveServer
from tests.web.steps import answers, ask, composer, listed, questions, send

pytestmark = pytest.mark.browser


@pytest.fixture
def tabs(page: Page) -> tuple[Page, Page]:
    """Two tabs of one browser, on one conversation."""
    ask(page, "the beginning")
    other = page.context.new_page()
    other.goto(page.url)
    expect(answers(other)).to_have_count(1)
    return page, other


def stored(page: Page) -> list[str]:
    """What was said in the conversation, whichever branch it is on."""
    whole = page.request.get(f"/conversations/{page.url.rsplit('/', 1)[1]}").json()
    return sorted(m["content"] for m in whole["messages"] if m["role"] == "user")


def test_what_one_tab_says_the_other_shows_while_it_is_said(
    tabs: tuple[Page, Page], server: LiveServer
) -> None:
    one, other = tabs
    with server.hold(after=2) as held:
        send(one, "one two three four")
        expect(answers(other).last).to_contain_text("one two")
        expect(answers(other).last).to_have_attribute("data-status", "streaming")
        held.unlink()
    expect(answers(other).last).to_contain_text("one two three four")
    expect(questions(other)).to_have_text(["the beginning", "one two three four"])


def test_settings_changed_in_one_tab_are_not_undone_by_the_other(tabs: tuple[Page, Page]) -> None:
    """Each sends all settings of a conversation: a tab that had not heard of a change undid it."""
    one, other = tabs
    for tab in tabs:
        tab.get_by_role("button", name="Answer settings").click()
    one.get_by_label("Temperature").fill("0.3")
    expect(other.get_by_label("Temperature")).to_have_value("0.3")
    with other.expect_response(lambda answer: answer.request.method == "PATCH"):
        other.get_by_role("spinbutton", name="Longest answer").fill("7")
    expect(one.get_by_role("spinbutton", name="Longest answer")).to_have_value("7")
    whole = one.request.get(f"/conversations/{one.url.rsplit('/', 1)[1]}").json()
    assert whole["settings"] == {"temperature": 0.3, "max_tokens": 7}


def test_what_goes_on_in_one_tab_is_followed_in_the_other(
    tabs: tuple[Page, Page], server: LiveServer
) -> None:
    """The other offered to continue what was being continued, and was told off for it."""
    one, other = tabs
    with server.hold(after=2):
        send(one, "one two three four")
        expect(answers(one).last).to_contain_text("one two")
        one.get_by_role("button", name="Stop answering").click()
        for tab in tabs:
            expect(answers(tab).last).to_have_attribute("data-status", "cancelled")
        one.get_by_role("button", name="Continue").click()
        expect(answers(other).last).to_have_attribute("data-status", "streaming")
    for tab in tabs:
        expect(answers(tab).last).to_have_attribute("data-status", "complete")
        expect(answers(tab).last.locator(".markdown")).to_have_text("one two three four")


def test_questions_asked_at_once_in_two_tabs_are_both_kept(
    tabs: tuple[Page, Page], server: LiveServer
) -> None:
    """The second must not take the first one's place: they become two branches."""
    one, other = tabs
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)  # still on its way when the other asks, who has not heard of it

    one.route("**/turns", hold)
    with server.hold():
        for tab in tabs:
            composer(tab).fill(f"from {'one' if tab is one else 'other'}")
        with one.expect_request("**/turns"):
            composer(one).press("Enter")
        composer(other).press("Enter")
        expect(answers(other).last).to_have_attribute("data-status", "streaming")
        held[0].continue_()
        for tab in tabs:
            expect(answers(tab).last).to_have_attribute("data-status", "streaming")
    for tab in tabs:
        expect(answers(tab).last).to_have_attribute("data-status", "complete")
    assert stored(one) == ["from one", "from other", "the beginning"]
    for tab in tabs:
        tab.reload()
        expect(questions(tab)).to_have_count(2)
        expect(questions(tab).last.get_by_text(re.compile(r"Version \d of 2"))).to_be_attached()


def test_each_tab_keeps_what_is_being_typed_in_it(tabs: tuple[Page, Page]) -> None:
    one, other = tabs
    composer(one).fill("half a thought")
    composer(other).fill("another thought")
    ask(other, "said meanwhile")
    expect(questions(one)).to_have_count(2)
    expect(composer(one)).to_have_value("half a thought")
    one.reload()
    expect(composer(one)).to_have_value("half a thought")
    expect(composer(other)).to_have_value("")


def test_a_message_that_is_being_edited_survives_what_another_tab_does(
    tabs: tuple[Page, Page],
) -> None:
    one, other = tabs
    questions(one).first.hover()
    one.get_by_role("button", name="Edit your message").click()
    editor = one.get_by_role("textbox", name="Edit your message")
    editor.fill("a different beginning")
    ask(other, "meanwhile")
    expect(answers(one)).to_have_count(2)
    expect(editor).to_have_value("a different beginning")
    one.get_by_role("button", name="Send", exact=True).click()
    expect(answers(one).last).to_contain_text("a different beginning")
    assert stored(one) == ["a different beginning", "meanwhile", "the beginning"]


def test_a_second_device_picks_up_an_answer_in_mid_stream(
    page: Page, open_page: OpenPage, server: LiveServer
) -> None:
    with server.hold(after=2) as held:
        send(page, "one two three four")
        expect(answers(page)).to_contain_text("one two")
        elsewhere = open_page(server.url, page.url.removeprefix(server.url))
        expect(answers(elsewhere)).to_contain_text("one two")
        expect(answers(elsewhere)).to_have_attribute("data-status", "streaming")
        page.close()  # nobody needs to stay
        held.unlink()
    expect(answers(elsewhere)).to_have_attribute("data-status", "complete")
    expect(answers(elsewhere).locator(".markdown")).to_have_text("one two three four")


def test_a_title_given_in_one_tab_is_seen_in_the_other(tabs: tuple[Page, Page]) -> None:
    one, other = tabs
    id = one.url.rsplit("/", 1)[1]
    one.request.patch(f"/conversations/{id}", data={"title": "Renamed elsewhere"})
    ask(other, "go on")
    expect(listed(one, "Renamed elsewhere").first).to_be_visible()


@pytest.mark.parametrize("hours", [-50, 50])
def test_a_browser_whose_clock_is_wrong_loses_nothing(
    open_page: OpenPage, server: LiveServer, hours: int
) -> None:
    """Order is the server's: two browsers that disagree by days see the same."""
    right = open_page(server.url)
    ask(right, f"first of {hours}")
    wrong = open_page(server.url, "/app")
    wrong.add_init_script(
        f"const now = Date.now; Date.now = () => now() + {hours} * 3600_000;"
        "const Real = Date; Date = class extends Real {"
        f" constructor(...given) {{ super(...(given.length ? given : [Real.now()])); }} }};"
    )
    wrong.goto(right.url)
    expect(answers(wrong)).to_have_count(1)
    ask(wrong, "second")
    right.reload()
    ask(right, "third")
    wrong.reload()
    for page in (right, wrong):
        expect(questions(page)).to_have_text([f"first of {hours}", "second", "third"])
        expect(listed(page, f"first of {hours}").first).to_be_visible()
