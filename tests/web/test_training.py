"""The Training page: runs followed live, begun, paused, compared. A stand-in does the work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

from tests.jobs.conftest import STAND_IN
from tests.jobs.conftest import workshop_in as make_home
from tests.server.teaching import ROWS
from tests.web.conftest import OpenPage
from tests.web.live import LiveServer, live_server
from tests.web.serve_echo import STAND_IN_WORKER
from tests.web.test_accessibility import problems

BAD_ROWS = b'{"messages": "BAD"}\n'


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with a model `tiny`, whose worker does as the name of a run says."""
    home = tmp_path_factory.mktemp("school")
    make_home(home)
    with live_server(home, environment={STAND_IN_WORKER: STAND_IN[0]}) as live:
        yield live


def upload(page: Page, content: bytes = ROWS, name: str = "tea.jsonl") -> None:
    """Choose a file of rows, and wait until it is there."""
    file: FilePayload = {"name": name, "mimeType": "application/jsonl", "buffer": content}
    with page.expect_response(lambda answer: answer.url.endswith("/files")) as sent:
        page.get_by_label("A file of rows").set_input_files(file)
    # By its id: a file of this name may be there from another test.
    expect(page.get_by_role("combobox", name="Learn from")).to_have_value(sent.value.json()["id"])


def fill(page: Page, name: str) -> None:
    """A whole form, but for the last button."""
    expect(page.get_by_role("heading", level=1, name="New run")).to_be_visible()
    page.get_by_role("combobox", name="Base model").select_option("tiny")
    page.get_by_role("textbox", name="Name of the result").fill(name)


def begin(page: Page, name: str, content: bytes = ROWS) -> None:
    """A run of this name, on its own page."""
    page.goto("/app/training/new")
    upload(page, content)
    fill(page, name)
    page.get_by_role("button", name="Start without asking").click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()


def state(page: Page, word: str) -> None:
    """The run's state, once it is this."""
    expect(page.get_by_role("main").get_by_role("status").filter(has_text=word)).to_be_visible()


def table(page: Page) -> Locator:
    """The curves as a table, opened."""
    page.get_by_text("The same as a table").click()
    return page.get_by_role("region", name="Figures")


def test_the_first_visit_says_what_it_is(open_page: OpenPage, tmp_path: Path) -> None:
    with live_server(tmp_path / "home") as live:
        page = open_page(live.url)
        page.get_by_role("link", name="Training").click()
        expect(page).to_have_title("Training · Mini-Claude")
        expect(page.get_by_role("heading", name="Nothing has been taught yet")).to_be_visible()
        page.get_by_role("link", name="Try it with the rows that come with Mini-Claude").click()
        expect(page.get_by_role("combobox", name="Learn from")).to_have_value("dataset:seed")
        balanced = page.get_by_role("radio", name="Balanced")
        expect(balanced).to_be_checked()
        expect(balanced).to_have_accessible_description(re.compile(r"\w+ \w+"))


def test_a_run_is_followed_paused_and_resumed(open_page: OpenPage, school: LiveServer) -> None:
    """Curves must survive a reload, and a run must outlive the tab that began it."""
    page = open_page(school.url, "/app/training")
    begin(page, "waits")
    state(page, "learning")
    expect(page.get_by_role("figure", name="Loss")).to_contain_text("3.000")
    expect(page.get_by_role("progressbar", name="Step 2 of 5")).to_be_visible()
    expect(page.get_by_text("about 36 s left")).to_be_visible()
    expect(page.get_by_role("figure", name="Tokens a second")).to_contain_text("900")
    page.reload()
    expect(page.get_by_role("figure", name="Loss").locator("canvas")).to_be_visible()
    expect(table(page).get_by_role("row")).to_have_count(3)
    page.get_by_role("button", name="Pause").click()
    state(page, "paused")
    expect(page.get_by_role("list", name="What it says")).to_contain_text("Job paused")
    page.get_by_role("button", name="Resume").click()
    state(page, "finished")
    expect(page.get_by_role("region", name="The result")).to_contain_text("ft:tiny:local:waits:")
    sample = page.get_by_role("region", name="Answers on the way")
    expect(sample).to_contain_text("Who?")
    expect(sample).to_contain_text("Nobody.")
    assert problems(page) == []
    made_of = page.get_by_role("region", name="Made of")
    expect(made_of).to_contain_text("tea.jsonl")
    expect(made_of).to_contain_text("all settings were chosen automatically")


def test_chat_with_what_was_taught_is_one_click(open_page: OpenPage, school: LiveServer) -> None:
    page = open_page(school.url, "/app/training")
    begin(page, "spoken")
    state(page, "finished")
    page.get_by_role("link", name="Chat with it").click()
    expect(page.get_by_role("button", name="Model: ft:tiny:local:spoken:")).to_be_visible()
    expect(page).to_have_url(f"{school.url}/")


def test_cancelling_asks_first(open_page: OpenPage, school: LiveServer) -> None:
    page = open_page(school.url, "/app/training")
    begin(page, "waits")
    state(page, "learning")
    page.get_by_role("button", name="Cancel run").click()
    dialog = page.get_by_role("dialog", name="Cancel this run?")
    dialog.get_by_role("button", name="Let it run").click()
    state(page, "learning")
    page.get_by_role("button", name="Cancel run").click()
    dialog.get_by_role("button", name="Cancel and discard").click()
    state(page, "cancelled")
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)


def test_a_run_that_fails_says_why_and_what_to_do(open_page: OpenPage, school: LiveServer) -> None:
    page = open_page(school.url, "/app/training")
    begin(page, "broken", BAD_ROWS)
    state(page, "failed")
    why = page.get_by_role("region", name="Why it failed")
    expect(why).to_contain_text("tea.jsonl, line 1: missing_messages_list: it says so.")
    expect(why).to_contain_text("Do not say so.")
    page.get_by_role("link", name="Start again").click()
    expect(page.get_by_role("textbox", name="Name of the result")).to_have_value("broken")


def test_a_run_begun_again_keeps_its_held_out_data(open_page: OpenPage, school: LiveServer) -> None:
    """It was dropped, and so was the multiplier: another run than the one that was meant."""
    page = open_page(school.url, "/app/training/new")
    upload(page)
    tea = page.get_by_role("combobox", name="Learn from").input_value()
    asked = {"learning_rate_multiplier": 2}
    body = {
        "model": "tiny",
        "training_file": tea,
        "validation_file": tea,
        "method": {"type": "supervised", "supervised": {"hyperparameters": asked}},
    }
    job = page.request.post("/fine_tuning/jobs", data=body)
    assert job.ok, job.text()
    page.goto(f"/app/training/new?from={job.json()['id']}")
    multiplier = page.get_by_role("textbox", name="learning_rate_multiplier")
    expect(multiplier).to_have_value("2")
    expect(page.get_by_role("main")).to_contain_text("Held-out data: tea.jsonl")
    page.get_by_role("textbox", name="Name of the result").fill("again")
    page.get_by_role("button", name="Start without asking").click()
    made_of = page.get_by_role("region", name="Made of")
    expect(made_of).to_contain_text("Held-out data")
    expect(made_of).to_contain_text("learning_rate_multiplier 2")


def test_what_it_would_take_is_told_before(open_page: OpenPage, school: LiveServer) -> None:
    page = open_page(school.url, "/app/training/new")
    upload(page)
    fill(page, "foreseen")
    page.get_by_role("radio", name="Quick try").check()
    page.get_by_role("button", name="What would it take?").click()
    fits = page.get_by_role("region", name="It fits")
    expect(fits).to_contain_text("30")
    expect(fits).to_contain_text("1 GB of 4 GB free")
    expect(fits).to_contain_text("epochs 3: reason 0.")
    expect(fits).to_contain_text("Warning: it is a stand-in.")
    # Another setting makes it void: nobody may start what was not foretold.
    page.get_by_text("Expert settings").click()
    page.get_by_role("textbox", name="steps", exact=True).fill("7")
    expect(fits).to_have_count(0)
    page.get_by_role("button", name="What would it take?").click()
    expect(fits).to_contain_text("7")
    page.get_by_role("button", name="Start training").click()
    state(page, "finished")
    expect(page.get_by_role("region", name="Made of")).to_contain_text("steps 7")


def test_what_does_not_fit_is_said_with_a_cure(open_page: OpenPage, school: LiveServer) -> None:
    page = open_page(school.url, "/app/training/new")
    upload(page)
    fill(page, "too-large")
    page.get_by_role("button", name="What would it take?").click()
    alert = page.get_by_role("region", name="It does not fit").get_by_role("alert")
    expect(alert).to_have_text("It needs 9 GB, and 1 GB can be had. Use qlora.")
    expect(page.get_by_role("button", name="Start training")).to_have_count(0)


def test_a_prediction_can_be_stopped(open_page: OpenPage, school: LiveServer) -> None:
    """The worker must end with it, or the next one would wait for ever."""
    page = open_page(school.url, "/app/training/new")
    upload(page)
    fill(page, "hangs")
    page.get_by_role("button", name="What would it take?").click()
    page.get_by_role("button", name="Stop trying").click()
    page.get_by_role("textbox", name="Name of the result").fill("again")
    page.get_by_role("button", name="What would it take?").click()
    expect(page.get_by_role("region", name="It fits")).to_be_visible()


def test_what_cannot_be_is_marked_and_not_sent(open_page: OpenPage, school: LiveServer) -> None:
    page = open_page(school.url, "/app/training/new")
    fill(page, "my tea")
    expect(page.get_by_text("Letters, digits, “-” and “_” only")).to_be_visible()
    expect(page.get_by_role("button", name="Start without asking")).to_be_disabled()
    page.get_by_role("textbox", name="Name of the result").fill("tea")
    page.get_by_text("Expert settings").click()
    page.get_by_role("textbox", name="learning_rate", exact=True).fill("a lot")
    expect(page.get_by_text("A number from 0 to 1.")).to_be_visible()
    expect(page.get_by_role("button", name="Start without asking")).to_be_disabled()
    page.get_by_role("textbox", name="learning_rate", exact=True).fill("0.001")
    expect(page.get_by_role("button", name="Start without asking")).to_be_enabled()


def test_the_address_names_the_data(open_page: OpenPage, school: LiveServer) -> None:
    page = open_page(school.url, "/app/training?data=nothing-of-that-name")
    expect(page.get_by_role("combobox", name="Learn from")).to_have_value(
        "dataset:nothing-of-that-name"
    )
    fill(page, "tea")
    page.get_by_role("button", name="Start without asking").click()
    expect(page.get_by_role("alert")).to_contain_text("there is no dataset 'nothing-of-that-name'")
    page.get_by_role("link", name="Training").click()
    expect(page.get_by_role("heading", level=1, name="Training")).to_be_visible()


def test_runs_are_compared_in_one_chart_and_one_table(
    open_page: OpenPage, school: LiveServer
) -> None:
    page = open_page(school.url, "/app/training")
    for name in ("first", "second"):
        begin(page, name)
        state(page, "finished")
    page.get_by_role("link", name="All runs").click()
    expect(page.get_by_role("button", name="Compare")).to_be_disabled()
    for name in ("first", "second"):
        page.get_by_role("checkbox", name=f"Mark {name} to compare it").first.check()
    page.get_by_role("button", name="Compare (2)").click()
    expect(page.get_by_role("heading", level=1, name="Compare runs")).to_be_visible()
    figure = page.get_by_role("figure", name="Training loss")
    expect(figure.get_by_role("listitem")).to_have_count(2)
    compared = page.get_by_role("table")
    expect(compared.get_by_role("columnheader")).to_have_text(["Run", "first", "second"])
    expect(compared.get_by_role("row", name="Training loss at the end")).to_contain_text("1.500")
    assert problems(page) == []


def test_a_run_that_is_not_there_is_said(open_page: OpenPage, school: LiveServer) -> None:
    page = open_page(school.url, "/app/training/ftjob-none")
    expect(page.get_by_role("alert")).to_contain_text("There is no such")


def test_names_of_anybodys_making_are_only_shown(open_page: OpenPage, school: LiveServer) -> None:
    """The page's policy and its own escaping: a file's name must not become markup."""
    page = open_page(school.url, "/app/training/new")
    name = "<img src=x onerror=alert(1)>.jsonl"
    upload(page, name=name)
    fill(page, "hostile")
    page.get_by_role("button", name="Start without asking").click()
    expect(page.get_by_role("region", name="Made of")).to_contain_text(name)
    expect(page.locator("main img")).to_have_count(0)


def test_a_server_that_was_away_takes_the_run_up_again(open_page: OpenPage, tmp_path: Path) -> None:
    """Nobody reloads: the worker goes on from its checkpoint, the page from its event."""
    home = tmp_path / "home"
    make_home(home)
    environment = {STAND_IN_WORKER: STAND_IN[0]}
    with live_server(home, environment=environment) as first:
        page = open_page(first.url, "/app/training")
        begin(page, "waits")
        expect(page.get_by_role("progressbar", name="Step 2 of 5")).to_be_visible()
        port = first.port
    with live_server(home, port=port, environment=environment):
        state(page, "finished")
        expect(table(page).get_by_role("row")).to_have_count(6)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(open_page: OpenPage, school: LiveServer, scheme: str) -> None:
    """WCAG AA asks for a contrast of 4.5; colours are measured where text is, as drawn."""
    measure = (Path(__file__).parent / "contrast.js").read_text()
    page = open_page(school.url, "/app/training", color_scheme=scheme)
    begin(page, "seen", BAD_ROWS)
    state(page, "failed")
    assert page.evaluate(measure) == []
    begin(page, "seen")
    state(page, "finished")
    expect(page.get_by_role("figure", name="Loss").locator("canvas")).to_be_visible()
    table(page)
    assert page.evaluate(measure) == []
    page.goto("/app/training/new")
    upload(page)
    fill(page, "my tea")
    page.get_by_text("Expert settings").click()
    assert page.evaluate(measure) == []


def test_on_a_phone_nothing_scrolls_sideways(open_page: OpenPage, school: LiveServer) -> None:
    page = open_page(
        school.url,
        "/app/training",
        viewport={"width": 390, "height": 760},
        is_mobile=True,
        has_touch=True,
    )
    begin(page, "a-name-as-long-as-names-may-be-for-it-has-sixty-four-letters-all")
    state(page, "finished")
    for path in (page.url, "/app/training", "/app/training/new"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        scrolled = "document.querySelector('.page-scroll')"
        assert page.evaluate(f"{scrolled}.scrollWidth - {scrolled}.clientWidth") == 0


def test_it_is_said_in_german_too(open_page: OpenPage, school: LiveServer) -> None:
    page = open_page(school.url, "/app/training/new", locale="de-DE")
    expect(page.get_by_role("heading", level=1, name="Neuer Lauf")).to_be_visible()
    expect(page.get_by_role("radio", name="Gründlich")).to_be_visible()
    expect(page.get_by_role("button", name="Was würde es brauchen?")).to_be_visible()
