"""What is within an answer: calls of tools, probabilities; answers gone on with, and compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.pdf_file import make_pdf
from tests.web.conftest import OpenPage
from tests.web.live import LiveServer, live_server
from tests.web.steps import answers, ask, composer, questions, send

pytestmark = pytest.mark.browser

LONG = " ".join(f"word{n}" for n in range(60))


def settings(page: Page) -> Locator:
    """The settings of answers, opened."""
    page.get_by_role("button", name="Answer settings").click()
    return page.get_by_role("dialog", name="Answer settings")


def use_calculator(page: Page, *, ask_first: bool = False) -> None:
    panel = settings(page)
    panel.get_by_label("Tools").select_option(label="These")
    expect(panel.get_by_label("calculator")).to_be_checked()
    if ask_first:
        panel.get_by_label("Ask me before each call").check()
    page.keyboard.press("Escape")


def call(page: Page) -> Locator:
    return page.get_by_role("group", name="Call of calculator")


def test_a_call_of_a_tool_stands_where_it_was_made(page: Page) -> None:
    use_calculator(page)
    ask(page, "calculate: 37 + 48")
    expect(call(page)).to_contain_text("37 + 48")
    expect(call(page)).to_contain_text("85")
    expect(call(page)).to_contain_text("done")
    said = answers(page).inner_text()
    assert said.index("Let me see.") < said.index("calculator") < said.index("It is 85.")
    call(page).locator("summary").press("Enter")
    expect(call(page).get_by_text('"expression": "37 + 48"')).to_be_visible()
    page.reload()
    expect(call(page)).to_contain_text("85")


def test_markup_that_goes_to_a_tool_and_comes_back_stays_text(page: Page) -> None:
    use_calculator(page)
    evil = "<img src=x onerror=window.broken=1>"
    ask(page, f"calculate: {evil}")
    expect(call(page)).to_contain_text("Error: expression")
    call(page).locator("summary").click()
    expect(call(page).locator("pre").first).to_contain_text(evil)
    assert page.locator("img, [onerror]").count() == 0
    assert page.evaluate("window.broken") is None


@pytest.mark.parametrize(
    ("button", "status", "told"),
    [("Allow", "done", "It is 85."), ("Refuse", "refused", "did not allow")],
)
def test_a_call_waits_to_be_allowed(page: Page, button: str, status: str, told: str) -> None:
    use_calculator(page, ask_first=True)
    send(page, "calculate: 37 + 48")
    expect(call(page)).to_contain_text("waits for your leave")
    page.reload()  # it waits on, for whoever comes
    call(page).get_by_role("button", name=button).click()
    expect(answers(page)).to_have_attribute("data-status", "complete")
    expect(call(page)).to_contain_text(status)
    expect(answers(page)).to_contain_text(told)


def test_a_waiting_answer_can_be_stopped_and_offers_no_decision_any_more(page: Page) -> None:
    use_calculator(page, ask_first=True)
    send(page, "calculate: 1 + 1")
    expect(call(page).get_by_role("button", name="Allow")).to_be_visible()
    page.get_by_role("button", name="Stop answering").click()
    expect(answers(page)).to_have_attribute("data-status", "cancelled")
    expect(call(page)).to_contain_text("not run")
    expect(call(page).get_by_role("button")).to_have_count(0)


def test_words_show_their_probability_and_alternatives(page: Page) -> None:
    panel = settings(page)
    panel.get_by_label("Show how sure the model is").check()
    page.keyboard.press("Escape")
    answer = ask(page, "red **blue** green")
    words = answer.get_by_role("option")
    expect(words).to_have_count(3)
    words.nth(1).hover()
    card = answer.get_by_role("status")
    expect(card).to_contain_text("50%")
    expect(card.get_by_role("listitem")).to_have_count(5)
    # The card hangs over what follows; a frame around the words once cut it off.
    expect(card.get_by_role("listitem").last).to_be_in_viewport()
    words.first.focus()
    page.keyboard.press("ArrowRight")
    expect(words.nth(1)).to_be_focused()
    page.get_by_role("button", name="Show how sure the model was").click()
    expect(answer.locator("strong")).to_have_text("blue")
    expect(words).to_have_count(0)


def test_an_answer_cut_at_its_limit_goes_on_in_its_place(page: Page) -> None:
    panel = settings(page)
    panel.get_by_label("Longest answer").fill("20")
    page.keyboard.press("Escape")
    ask(page, LONG)
    expect(answers(page)).to_contain_text("Cut off at the length limit.")
    page.get_by_role("button", name="Continue").click()
    expect(answers(page)).to_contain_text("word39")
    expect(answers(page)).to_contain_text("40 tokens")
    page.get_by_role("button", name="Continue").click()
    expect(answers(page)).to_contain_text("60 tokens")
    expect(page.get_by_role("button", name="Continue")).to_have_count(0)
    assert answers(page).locator(".markdown").inner_text() == LONG
    page.reload()
    expect(answers(page).locator(".markdown")).to_have_text(LONG)
    expect(questions(page)).to_have_count(1)


def test_a_stopped_answer_goes_on(page: Page, server: LiveServer) -> None:
    with server.hold(after=6):
        send(page, LONG)
        expect(answers(page)).to_contain_text("word5")
        page.get_by_role("button", name="Stop answering").click()
        expect(answers(page)).to_have_attribute("data-status", "cancelled")
    page.get_by_role("button", name="Continue").click()
    expect(answers(page)).to_have_attribute("data-status", "complete")
    assert answers(page).locator(".markdown").inner_text() == LONG


def test_escape_closes_what_is_open_and_not_an_answer_as_well(
    page: Page, server: LiveServer
) -> None:
    """The card of a word, or the reasons for a rating, took the running answer with them."""
    panel = settings(page)
    panel.get_by_label("Show how sure the model is").check()
    page.keyboard.press("Escape")
    ask(page, "red green")
    first = answers(page).first
    with server.hold(after=2):
        first.get_by_role("button", name="Good answer").click()
        send(page, LONG)
        expect(answers(page).last).to_contain_text("word1")
        first.get_by_role("option").first.focus()
        expect(first.locator(".alternatives")).to_be_visible()
        page.keyboard.press("Escape")
        expect(first.locator(".alternatives")).to_have_count(0)
        first.get_by_role("textbox", name="In your own words").press("Escape")
        expect(first.get_by_role("form", name="Why?")).to_have_count(0)
    expect(answers(page).last).to_have_attribute("data-status", "complete")


def test_settings_are_there_on_a_second_device_and_as_presets(
    page: Page, open_page: OpenPage, server: LiveServer
) -> None:
    panel = settings(page)
    panel.get_by_label("Instructions").fill("Be brief.")
    panel.get_by_label("Longest answer").fill("7")
    panel.get_by_role("button", name="Save as a preset").click()
    panel.get_by_label("Name of the preset").fill("Brief")
    panel.get_by_role("button", name="Save", exact=True).click()
    expect(panel.get_by_label("Preset", exact=True).locator("option:checked")).to_have_text("Brief")
    page.keyboard.press("Escape")
    with page.expect_response(lambda r: r.request.method == "PATCH"):
        ask(page, "one two three")

    elsewhere = open_page(server.url, re.sub(r"^https?://[^/]+", "", page.url))
    expect(answers(elsewhere)).to_be_visible()
    panel = settings(elsewhere)
    expect(panel.get_by_label("Instructions")).to_have_value("Be brief.")
    expect(panel.get_by_label("Longest answer")).to_have_value("7")
    panel.get_by_label("Preset", exact=True).select_option("")
    expect(panel.get_by_label("Instructions")).to_have_value("")
    panel.get_by_label("Preset", exact=True).select_option(label="Brief")
    expect(panel.get_by_label("Instructions")).to_have_value("Be brief.")
    panel.get_by_role("button", name="Delete this preset").click()
    expect(
        panel.get_by_label("Preset", exact=True).get_by_role("option", name="Brief")
    ).to_have_count(0)


def test_a_temperature_goes_with_the_question(page: Page) -> None:
    panel = settings(page)
    panel.get_by_label("Temperature").fill("0.3")
    page.keyboard.press("Escape")
    with page.expect_request("**/turns") as asked:
        ask(page, "hello")
    sent = asked.value.post_data_json or {}
    assert sent["settings"]["temperature"] == 0.3


def test_an_answer_says_how_many_tokens_and_how_soon(page: Page) -> None:
    answer = ask(page, "four words are these")
    expect(answer).to_contain_text("4 tokens")
    expect(answer).to_contain_text(re.compile(r"first word after [\d.]+ s"))


@pytest.fixture
def twins(home: Path) -> Iterator[LiveServer]:
    """A server with two models."""
    with live_server(home, environment={"MINI_CLAUDE_TEST_TWIN": "1"}) as live:
        yield live


def test_two_models_answer_side_by_side_and_one_is_kept(
    twins: LiveServer, open_page: OpenPage
) -> None:
    page = open_page(twins.url)
    page.get_by_role("button", name="Compare with another model").click()
    page.get_by_role("menuitem", name="twin/echo").click()
    with twins.hold(after=2) as held:
        send(page, LONG)
        columns = page.get_by_role("group", name="Two answers side by side").get_by_role("region")
        expect(columns).to_have_count(2)
        for number in range(2):
            expect(columns.nth(number)).to_contain_text("word1")
            expect(columns.nth(number)).to_have_attribute("aria-busy", "true")
        held.unlink()
        for number in range(2):
            expect(columns.nth(number)).to_contain_text("word59")
    with (
        page.expect_response(lambda r: '"thumb":"up"' in (r.request.post_data or "")),
        page.expect_response(lambda r: '"thumb":"down"' in (r.request.post_data or "")),
    ):
        page.get_by_role("button", name="Keep this one, the answer of twin/echo").click()
    expect(answers(page)).to_contain_text("twin/echo")
    expect(page.get_by_text("Version 2 of 2")).to_be_attached()
    page.get_by_role("button", name="Stop comparing with twin/echo").click()
    ratings = page.request.get(f"{twins.url}/feedback")
    assert (ratings.json()["up"], ratings.json()["down"]) == (1, 1)  # a preference
    ask(page, "and on")
    page.reload()
    expect(answers(page)).to_have_count(2)
    expect(answers(page).first).to_contain_text("twin/echo")
    expect(composer(page)).to_be_visible()


def test_an_answer_is_kept_before_the_other_has_finished(
    twins: LiveServer, open_page: OpenPage
) -> None:
    """The other went on unseen: it could not be rated, and nothing could be asked or stopped."""
    page = open_page(twins.url)
    page.get_by_role("button", name="Compare with another model").click()
    page.get_by_role("menuitem", name="twin/echo").click()
    with twins.hold(after=2):
        send(page, LONG)
        columns = page.get_by_role("group", name="Two answers side by side").get_by_role("region")
        for number in range(2):
            expect(columns.nth(number)).to_contain_text("word1")
        # One of the two is stopped from elsewhere, as if it had finished first.
        conversation = page.url.rsplit("/", 1)[1]
        stored = page.request.get(f"{twins.url}/conversations/{conversation}").json()
        first = next(it for it in stored["messages"] if it["model"] == "echo")
        turn = f"{twins.url}/conversations/{conversation}/turns/{first['turn_id']}"
        page.request.post(f"{turn}/cancel")
        with (
            page.expect_response(lambda r: r.url.endswith("/cancel") and r.ok),
            page.expect_response(lambda r: '"thumb":"down"' in (r.request.post_data or "")) as down,
        ):
            page.get_by_role("button", name="Keep this one, the answer of echo").click()
        assert down.value.ok
        expect(page.get_by_text("Version 1 of 2")).to_be_attached()
        expect(page.get_by_role("button", name="Stop answering")).to_have_count(0)
    page.get_by_role("button", name="Stop comparing with twin/echo").click()
    ask(page, "and on")


def test_an_answer_that_failed_is_no_preference(twins: LiveServer, open_page: OpenPage) -> None:
    """One that was kept because the other failed became a row to learn preferences from."""
    page = open_page(twins.url)
    page.get_by_role("button", name="Compare with another model").click()
    page.get_by_role("menuitem", name="twin/echo").click()
    send(page, "one two three please fail")
    columns = page.get_by_role("group", name="Two answers side by side").get_by_role("region")
    for number in range(2):
        expect(columns.nth(number).get_by_role("alert")).to_contain_text("The echo broke off.")
    page.get_by_role("button", name="Keep this one, the answer of twin/echo").click()
    expect(page.get_by_text("Version 2 of 2")).to_be_attached()
    ratings = page.request.get(f"{twins.url}/feedback").json()
    assert (ratings["up"], ratings["down"]) == (0, 0)


def test_files_go_with_a_question(page: Page, tmp_path: Path) -> None:
    pdf = tmp_path / "report.pdf"
    pdf.write_bytes(make_pdf("The fox is red."))
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach pictures, text files or PDFs").click()
    chooser.value.set_files(pdf)
    waiting = page.get_by_role("list", name="Attached files")
    expect(waiting).to_contain_text("report.pdf")
    expect(waiting).to_contain_text("15 characters · 1 of 1 pages")
    answer = ask(page, "What colour?")
    expect(answer).to_contain_text("The fox is red.")  # the echo was told
    expect(waiting).to_have_count(0)
    question = questions(page)
    assert question.locator(".bubble").inner_text() == "What colour?"
    question.get_by_text("report.pdf").click()
    expect(question.locator("pre")).to_have_text("The fox is red.")

    question.hover()
    page.get_by_role("button", name="Edit your message").click()
    editor = page.get_by_role("textbox", name="Edit your message")
    expect(editor).to_have_value("What colour?")
    editor.fill("Which animal?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(answers(page)).to_contain_text("Which animal?")
    expect(answers(page)).to_contain_text("The fox is red.")
    expect(page.get_by_role("link", name="What colour?")).to_be_visible()  # no block in a title


DROP = """
([name, text, kind]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  const input = document.querySelector(".composer-input");
  const event = kind === "paste"
    ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})
    : new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
  input.dispatchEvent(event);
}
"""


def test_files_are_pasted_and_dropped_and_can_be_left_out(page: Page) -> None:
    page.evaluate(DROP, ["pasted.txt", "alpha", "paste"])
    page.evaluate(DROP, ["dropped.txt", "second", "drop"])
    waiting = page.get_by_role("list", name="Attached files")
    expect(waiting.get_by_role("listitem")).to_have_count(2)
    page.get_by_role("button", name="Leave out pasted.txt").click()
    expect(waiting.get_by_role("listitem")).to_contain_text("6 characters")
    answer = ask(page, "Read it.")
    expect(answer).to_contain_text("second")
    expect(answer).not_to_contain_text("alpha")


def test_markup_in_a_files_name_stays_text(page: Page) -> None:
    page.evaluate(DROP, ["<img src=x onerror=window.broken=1>.txt", "alpha", "drop"])
    waiting = page.get_by_role("list", name="Attached files")
    expect(waiting).to_contain_text("img src=x onerror=window.broken=1")
    expect(waiting).to_contain_text("5 characters")
    expect(ask(page, "Read it.")).to_contain_text("alpha")
    expect(questions(page)).to_contain_text("img src=x onerror=window.broken=1")
    assert page.locator("img, [onerror]").count() == 0
    assert page.evaluate("window.broken") is None


def test_a_question_about_a_file_does_not_go_without_it(page: Page) -> None:
    """One that was sent while the server still read the file went out alone if it was refused."""
    reading: list[Route] = []

    def keep_waiting(route: Route) -> None:
        reading.append(route)

    page.route("**/attachments?*", keep_waiting)
    page.evaluate(DROP, ["notes.txt", "alpha", "drop"])
    waiting = page.get_by_role("list", name="Attached files")
    expect(waiting).to_contain_text("is being read, then you can send")
    send(page, "What is in it?")
    expect(page.get_by_role("button", name="Send message")).to_be_disabled()
    page.get_by_role("button", name="Tell me a joke.").click()
    expect(page.get_by_role("alert")).to_contain_text("A file is still being read.")
    expect(composer(page)).to_have_value("Tell me a joke.\n\nWhat is in it?")
    expect(questions(page)).to_have_count(0)
    composer(page).fill("What is in it?")
    reading.pop().continue_()
    expect(waiting).to_contain_text("5 characters")
    composer(page).press("Enter")
    expect(answers(page)).to_contain_text("alpha")
    expect(waiting).to_have_count(0)


def test_a_refused_edit_comes_back_without_its_file(page: Page) -> None:
    """The marks around the text of a file are no words of the person's."""
    page.evaluate(DROP, ["notes.txt", "alpha", "drop"])
    expect(page.get_by_role("list", name="Attached files")).to_contain_text("5 characters")
    ask(page, "What is in it?")
    error = {"error": {"message": "The model is away."}}
    page.route("**/turns", lambda route: route.fulfill(status=400, json=error))
    questions(page).hover()
    page.get_by_role("button", name="Edit your message").click()
    page.get_by_role("textbox", name="Edit your message").fill("And now?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The model is away.")
    expect(composer(page)).to_have_value("And now?")


def test_a_file_that_cannot_be_read_is_refused_by_name(page: Page) -> None:
    page.evaluate(DROP, ["broken.pdf", "%PDF-1.7 rubbish", "drop"])
    expect(page.get_by_text("broken.pdf is a broken PDF.")).to_be_visible()
    expect(page.get_by_role("list", name="Attached files")).to_have_count(0)
