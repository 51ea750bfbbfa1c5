"""Pictures on the page: attached, shown, sent to who sees, and kept from who does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.picture_file import PNG, make_gif, make_png
from tests.web.conftest import OpenPage
from tests.web.live import LiveServer, live_server
from tests.web.steps import answers, ask, composer, questions, send
from tests.web.test_answers import DROP

CAT: Any = {"name": "cat.png", "mimeType": "image/png", "buffer": make_png(30, 20)}
DOG: Any = {"name": "dog.gif", "mimeType": "image/gif", "buffer": make_gif(7, 5)}

LET_FALL = """
([name, text, place]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  const target = document.querySelector(place);
  return ["dragover", "drop"].every((kind) => {
    const event = new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true});
    target.dispatchEvent(event);
    return event.defaultPrevented;
  });
}
"""
"""Drop a file on the first place that a selector finds; true where the browser stays here."""


@pytest.fixture(scope="module")
def seeing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with `eye/echo`, which sees, beside the echo, which does not."""
    home = tmp_path_factory.mktemp("eye")
    with live_server(home, environment={"MINI_CLAUDE_TEST_EYE": "1"}) as server:
        yield server


def attach(page: Page, *files: Any) -> None:
    """Choose files with the button."""
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Attach pictures, text files or PDFs").click()
    choosing.value.set_files(list(files))


def waiting(page: Page) -> Locator:
    """What goes with the next question."""
    return page.get_by_role("list", name="Attached files").get_by_role("listitem")


def choose_model(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("button", name="Model: ").click()
    page.get_by_role("option", name=name).click()


def expect_drawn(picture: Locator, width: int) -> None:
    """That the browser could draw it, once it is there: a place is kept until it has come."""
    expect(picture).to_have_js_property("naturalWidth", width)


def test_a_picture_is_refused_by_a_blind_model_and_shown_to_one_that_sees(
    open_page: OpenPage, seeing: LiveServer
) -> None:
    page = open_page(seeing.url)
    attach(page, CAT)
    expect_drawn(waiting(page).get_by_role("img", name="cat.png"), 30)
    reason = "echo reads text only. Choose a model that sees pictures: eye/echo"
    expect(page.get_by_role("status").filter(has_text=reason)).to_be_visible()
    send(page, "what is it?")
    expect(page.get_by_role("alert").filter(has_text=reason)).to_be_visible()
    expect(composer(page)).to_have_value("what is it?")
    expect(waiting(page)).to_have_count(1)
    expect(questions(page)).to_have_count(0)

    choose_model(page, "eye/echo")
    expect(page.get_by_role("status").filter(has_text=reason)).to_have_count(0)
    answer = ask(page, "what is it?")
    expect(answer).to_contain_text("I see image/png of 30 by 20. what is it?")
    expect(waiting(page)).to_have_count(0)
    shown = questions(page).get_by_role("img", name="cat.png")
    expect_drawn(shown, 30)

    page.reload()
    expect_drawn(shown, 30)
    questions(page).hover()
    page.get_by_role("button", name="Edit your message").click()
    page.get_by_role("textbox", name="Edit your message").fill("and now?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(answers(page)).to_contain_text("I see image/png of 30 by 20. and now?")
    expect_drawn(shown, 30)

    choose_model(page, re.compile("^echo"))
    page.get_by_role("button", name="Answer again").click()
    expect(page.get_by_role("alert").filter(has_text=reason).last).to_be_visible()
    expect(answers(page)).to_have_count(1)


def edit(page: Page) -> Locator:
    """Begin to edit the question on the screen; the box for its words."""
    questions(page).hover()
    page.get_by_role("button", name="Edit your message").click()
    return page.get_by_role("textbox", name="Edit your message")


def test_an_edit_may_leave_pictures_out(open_page: OpenPage, seeing: LiveServer) -> None:
    """A picture that a service refuses must not stay with the question for ever; and who does not
    see is told of it before anything that was written can be lost."""
    page = open_page(seeing.url)
    choose_model(page, "eye/echo")
    attach(page, CAT, DOG)
    ask(page, "which?")
    page.reload()  # from here on the page has to fetch them
    choose_model(page, re.compile("^echo"))
    words = edit(page)
    words.fill("and now?")
    reason = page.get_by_role("status").filter(has_text="echo reads text only.")
    expect(reason).to_be_visible()
    button = page.get_by_role("button", name="Send", exact=True)
    expect(button).to_be_disabled()
    words.press("Enter")
    expect(words).to_have_value("and now?")
    pictures = page.get_by_role("list", name="Attached pictures")
    expect_drawn(pictures.get_by_role("img", name="dog.gif"), 7)

    choose_model(page, "eye/echo")
    expect(reason).to_have_count(0)
    page.get_by_role("button", name="Leave out cat.png").click()
    expect(pictures.get_by_role("listitem")).to_have_count(1)
    button.click()
    expect(answers(page)).to_contain_text("I see image/gif of 7 by 5. and now?")
    expect(answers(page)).not_to_contain_text("image/png")
    expect_drawn(questions(page).get_by_role("img", name="dog.gif"), 7)

    choose_model(page, re.compile("^echo"))
    edit(page).fill("without?")
    page.get_by_role("button", name="Leave out dog.gif").click()
    button.click()
    expect(answers(page)).to_have_text(re.compile("without\\?"))
    expect(questions(page).get_by_role("img")).to_have_count(0)


def test_the_words_of_a_refused_edit_come_back_before_what_was_typed(
    open_page: OpenPage, seeing: LiveServer
) -> None:
    page = open_page(seeing.url)
    choose_model(page, "eye/echo")
    attach(page, CAT, {"name": "a.txt", "mimeType": "text/plain", "buffer": b"alpha"})
    ask(page, "which?")
    composer(page).fill("half a thought")
    edit(page).fill("other words")
    error = {"message": "It is broken.", "type": "invalid_request_error", "code": None}
    page.route("**/turns", lambda route: route.fulfill(status=400, json={"error": error}))
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="It is broken.")).to_be_visible()
    expect(composer(page)).to_have_value("other words\n\nhalf a thought")
    expect_drawn(questions(page).get_by_role("img", name="cat.png"), 30)


def test_a_file_may_fall_anywhere(open_page: OpenPage, seeing: LiveServer) -> None:
    """A browser leaves the page for a file that nobody takes, and what was typed is gone."""
    page = open_page(seeing.url)
    choose_model(page, "eye/echo")
    for name, place in (("a.gif", ".viewport"), ("b.gif", ".composer-input")):
        assert page.evaluate(LET_FALL, [name, DOG["buffer"].decode("ascii"), place])
        expect(waiting(page).filter(has_text=name)).to_be_visible()
    assert page.evaluate(LET_FALL, ["c.gif", DOG["buffer"].decode("ascii"), "body"])
    expect(waiting(page)).to_have_count(2)


def test_pictures_are_dropped_pasted_and_left_out(open_page: OpenPage, seeing: LiveServer) -> None:
    page = open_page(seeing.url)
    choose_model(page, "eye/echo")
    for kind in ("drop", "paste"):
        page.evaluate(DROP, [f"{kind}.gif", make_gif(7, 5).decode("ascii"), kind])
        expect(waiting(page).filter(has_text=f"{kind}.gif")).to_be_visible()
    page.get_by_role("button", name="Leave out drop.gif").click()
    expect(waiting(page)).to_have_count(1)
    answer = ask(page, "and?")
    expect(answer).to_contain_text("I see image/gif of 7 by 5. and?")
    expect(answer).not_to_contain_text("I see image/gif of 7 by 5. I see")


def test_what_is_no_picture_or_too_much_is_said(
    open_page: OpenPage, seeing: LiveServer, tmp_path: Path
) -> None:
    """What only claims to be a picture is read as what it is, and never drawn."""
    page = open_page(seeing.url)
    large = tmp_path / "large.png"
    large.write_bytes(PNG + bytes(3_750_000))
    attach(page, large)
    expect(page.get_by_role("alert")).to_contain_text("large.png is larger than 3.75 MB.")
    svg = {"name": "x.svg", "mimeType": "image/svg+xml", "buffer": b"<svg onload='alert(1)'/>"}
    page_like = {"name": "x.png", "mimeType": "image/png", "buffer": b"<script>alert(1)</script>"}
    attach(page, svg, page_like)
    expect(waiting(page)).to_have_count(2)
    expect(waiting(page).filter(has_text="characters")).to_have_count(2)
    expect(waiting(page).get_by_role("img")).to_have_count(0)
    wide = {"name": "wide.png", "mimeType": "image/png", "buffer": make_png(9_000, 1)}
    attach(page, wide)
    choose_model(page, "eye/echo")
    send(page, "look")
    expect(page.get_by_role("alert").filter(has_text="each side must have")).to_be_visible()
    expect(waiting(page)).to_have_count(3)
