"""Thumbs, reasons and better answers: given, shown again, and made into rows."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import OpenPage
from tests.web.live import LiveServer
from tests.web.steps import answers, ask

pytestmark = pytest.mark.browser


def rating(page: Page) -> dict[str, object]:
    """What the server has stored of the last answer."""
    whole = page.request.get(f"/conversations/{page.url.rsplit('/', 1)[1]}").json()
    stored: dict[str, object] = whole["messages"][-1]["rating"] or {}
    return {name: stored.get(name) for name in ("thumb", "reason", "note", "correction")}


def test_a_thumb_with_a_reason_survives_a_reload_and_can_be_taken_back(page: Page) -> None:
    answer = ask(page, "Why is the sky blue?")
    answer.get_by_role("button", name="Bad answer").click()
    answer.get_by_role("button", name="Not helpful").click()
    answer.get_by_role("textbox", name="In your own words").fill("It only repeats me.")
    answer.get_by_role("button", name="Done").click()
    expect(answer.get_by_role("form", name="Why?")).to_have_count(0)
    assert rating(page) == {
        "thumb": "down",
        "reason": "unhelpful",
        "note": "It only repeats me.",
        "correction": None,
    }
    page.reload()
    bad = answers(page).get_by_role("button", name="Bad answer")
    expect(bad).to_have_attribute("aria-pressed", "true")
    answers(page).get_by_role("button", name="Good answer").click()
    expect(answers(page).get_by_role("button", name="Helpful", exact=True)).to_be_visible()
    expect(bad).to_have_attribute("aria-pressed", "false")
    answers(page).get_by_role("button", name="Good answer").click()
    note = answers(page).get_by_role("button", name="Good answer")
    expect(note).to_have_attribute("aria-pressed", "false")


def test_a_better_answer_stands_beside_the_models(page: Page) -> None:
    answer = ask(page, "Why is grass green?")
    answer.get_by_role("button", name="Write a better answer").click()
    better = answer.get_by_role("textbox", name="What should it have said?")
    expect(better).to_be_focused()
    expect(better).to_have_value("Why is grass green?")
    expect(answer.get_by_role("button", name="Save")).to_be_disabled()
    better.fill("Because of **chlorophyll**.")
    with page.expect_response(lambda r: "chlorophyll" in (r.request.post_data or "")):
        answer.get_by_role("button", name="Save").click()
    correction = answer.locator(".correction")
    expect(correction).to_contain_text("Because of chlorophyll.")
    page.reload()
    expect(answers(page).locator("> .markdown")).to_have_text("Why is grass green?")
    expect(answers(page).locator(".correction strong")).to_have_text("chlorophyll")
    assert rating(page)["correction"] == "Because of **chlorophyll**."


def test_a_rating_that_is_refused_is_not_shown(page: Page) -> None:
    answer = ask(page, "hello")
    page.route("**/rating", lambda route: route.fulfill(
        status=503, json={"error": {"message": "The disk is full.", "hint": "Make room."}}
    ))  # fmt: skip
    answer.get_by_role("button", name="Good answer").click()
    expect(page.get_by_role("alert")).to_contain_text("The disk is full. Make room.")
    expect(answer.get_by_role("button", name="Good answer")).to_have_attribute(
        "aria-pressed", "false"
    )


def test_ratings_are_counted_and_saved_as_rows(open_page: OpenPage, server: LiveServer) -> None:
    page = open_page(server.url)
    answer = ask(page, "What is a fox?")
    with page.expect_response("**/rating"):
        answer.get_by_role("button", name="Good answer").click()
    page.get_by_role("link", name="Conversations").click()
    ratings = page.get_by_role("region", name="Ratings")
    expect(ratings).to_contain_text("make a dataset of")
    with page.expect_download() as saving:
        ratings.get_by_role("button", name="Good or bad").click()
    assert saving.value.suggested_filename == "feedback-kto.jsonl"
    rows = [json.loads(line) for line in saving.value.path().read_text().splitlines()]
    asked = [row["messages"][0]["content"] for row in rows]
    assert "What is a fox?" in asked
