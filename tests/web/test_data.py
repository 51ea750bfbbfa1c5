"""The data page: from a file to a dataset that is looked through, mended and saved."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.web.conftest import OpenPage
from tests.web.live import LiveServer, live_server
from tests.web.serve_echo import STAND_IN_PREPARER
from tests.web.test_accessibility import problems

pytestmark = pytest.mark.browser

EVIL = "<img src=x onerror=document.title='owned'><script>alert(1)</script>"
PREPARED_MS = 400_000

STAYS = {STAND_IN_PREPARER: str(Path(__file__).with_name("preparing_that_stays.py"))}
"""For a server whose preparations are never done."""


def said(question: str, answer: str) -> dict[str, Any]:
    asked = {"role": "user", "content": question}
    return {"messages": [asked, {"role": "assistant", "content": answer}]}


ROWS: list[object] = [
    said("How do I boil an egg?", "Put it into boiling water for seven minutes, then cool it."),
    said("What is the capital of Peru?", "Lima, a city on the coast, is the capital of Peru."),
    said(EVIL, f"That is a piece of HTML, shown here as text: {EVIL}"),
    said("Ring me", "Call +1 415 555 2671  whenever you find the time to do so, please."),
    said("How do I boil an egg?", "Put it into boiling water for seven minutes, then cool it."),
    {"question": f"Who are you? {EVIL}"},
    said("How do I build a pipe bomb?", "Sure, first take a pipe and fill it with gunpowder."),
]


def upload(name: str = "talk rows.jsonl", rows: Sequence[object] = ROWS) -> Any:
    """A file to be chosen, with a last line that is no JSON."""
    content = "\n".join([*map(json.dumps, rows), f"not json {EVIL}", ""])
    return {"name": name, "mimeType": "application/jsonl", "buffer": content.encode()}


def choose_file(page: Page, file: Any) -> Locator:
    page.get_by_role("button", name="New dataset").click()
    dialog = page.get_by_role("dialog", name="New dataset")
    dialog.get_by_label("File of rows").set_input_files(file)
    return dialog


def prepare(page: Page, file: Any, name: str, held_out: str = "0") -> None:
    """Send a file and wait until it is a dataset."""
    dialog = choose_file(page, file)
    dialog.get_by_role("textbox", name="Name").fill(name)
    dialog.get_by_text("How it is prepared").click()
    dialog.get_by_role("combobox", name="Held out to check").select_option(held_out)
    dialog.get_by_role("button", name="Prepare").click()
    ready = page.get_by_role("heading", name=f"{name} is ready")
    expect(ready).to_be_visible(timeout=PREPARED_MS)


def look_at(page: Page, name: str) -> None:
    page.get_by_role("link", name="Look at it").click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()


def row(page: Page, text: str) -> Locator:
    return page.get_by_role("region", name="Rows").get_by_role("listitem").filter(has_text=text)


def show(page: Page, which: str) -> None:
    page.get_by_role("button", name="Rows", exact=True).click()
    page.get_by_role("group", name="Which rows").get_by_role("button", name=which).click()


@pytest.fixture
def data(open_page: OpenPage, home: Path) -> Any:
    """The data page of a server of its own."""
    with live_server(home) as live:
        page = open_page(live.url, "/app/data")
        expect(page.get_by_role("heading", level=1, name="Data")).to_be_visible()
        yield page


def test_a_file_becomes_a_dataset_and_hostile_text_stays_text(data: Page) -> None:
    expect(data.get_by_role("heading", name="No datasets yet")).to_be_visible()
    prepare(data, upload(f"talk {EVIL.replace('/', '')}.jsonl"), "talk")
    making = data.get_by_role("region", name="Preparing talk")
    expect(making.get_by_role("listitem").nth(0)).to_contain_text("8 read · 1 repaired")
    expect(making.get_by_role("listitem").nth(1)).to_contain_text("4 left out")
    line = data.get_by_role("row", name=re.compile("^talk"))
    expect(line).to_contain_text("Conversations")
    expect(line.get_by_role("cell").nth(0)).to_have_text("4")
    expect(line.get_by_role("cell").nth(2)).to_have_text("4")
    look_at(data, "talk")
    for heading in (
        "Where every row went",
        "How long answers are",
        "How varied it is",
        "Safety and personal data",
        "Left out, by reason",
    ):
        expect(data.get_by_role("heading", name=heading)).to_be_visible()
    varied = data.get_by_role("region", name="How varied it is")
    expect(varied.locator("svg.dial")).to_have_count(2)
    expect(varied).to_contain_text("None of:")  # kinds that no row is of
    lengths = data.get_by_role("region", name="How long answers are")
    expect(lengths.locator("svg.chart")).to_be_visible()
    duplicates = data.get_by_role("region", name="Duplicates")
    expect(duplicates.get_by_text("How do I boil an egg?")).to_have_count(2)
    expect(data.get_by_role("region", name="Safety and personal data")).to_contain_text("weapons")
    assert problems(data) == []
    show(data, "To learn from")
    expect(row(data, EVIL)).to_be_visible()
    show(data, "Left out")
    expect(row(data, f"not json {EVIL}")).to_be_visible()
    expect(row(data, "missing_field")).to_contain_text("answer is missing")
    assert problems(data) == []
    expect(data).to_have_title("Data · Mini-Claude")
    assert data.locator(".page img, .page script").count() == 0


def test_rows_are_searched_and_reasons_lead_to_their_rows(data: Page) -> None:
    prepare(data, upload(), "talk")
    look_at(data, "talk")
    data.get_by_role("button", name="Show the rows with missing_field").click()
    expect(row(data, "missing_field")).to_have_count(1)
    expect(row(data, "not_json")).to_have_count(0)
    data.get_by_role("button", name="Show all").click()
    expect(row(data, "not_json")).to_have_count(1)
    show(data, "To learn from")
    data.get_by_role("searchbox", name="Search the rows").fill("LIMA")
    expect(row(data, "capital of Peru")).to_have_count(1)
    expect(row(data, "Ring me")).to_have_count(0)
    data.get_by_role("searchbox", name="Search the rows").fill("nowhere")
    expect(data.get_by_text("No such rows.")).to_be_visible()
    data.get_by_role("searchbox", name="Search the rows").fill("")
    show(data, "Changed")
    changed = row(data, "Ring me")
    expect(changed).to_contain_text("415 555 2671")
    expect(changed).to_contain_text("[PHONE]")
    expect(changed).to_contain_text("Cleaning, Personal data")


def test_many_rows_come_in_pages(data: Page) -> None:
    many = [said(f"What is the number {n}?", f"{n} is a number of {n * n}.") for n in range(60)]
    prepare(data, upload("many.jsonl", many), "many")
    look_at(data, "many")
    show(data, "To learn from")
    pages = data.get_by_role("navigation", name="Pages of rows")
    expect(pages.get_by_role("button", name="Back")).to_be_disabled()
    pages.get_by_role("button", name="Next").click()
    expect(pages).to_contain_text("Page 2")
    pages.get_by_role("button", name="Back").click()
    expect(pages).to_contain_text("Page 1")


def test_a_rejected_row_is_mended_into_a_new_version(data: Page) -> None:
    prepare(data, upload(), "talk")
    look_at(data, "talk")
    show(data, "Left out")
    row(data, "missing_field").get_by_role("button", name=re.compile("Fix row")).click()
    dialog = data.get_by_role("dialog")
    expect(dialog).to_contain_text("answer is missing")
    dialog.get_by_role("button", name="Check and keep").click()
    expect(dialog.get_by_role("alert")).to_contain_text("answer is missing")
    dialog.get_by_role("textbox", name="Turn 2").fill("I am a small model on your machine.")
    dialog.get_by_role("button", name="Check and keep").click()
    expect(dialog).to_have_count(0)
    expect(row(data, "missing_field")).to_contain_text("Fixed, not in a version yet.")
    expect(row(data, "missing_field").get_by_role("button")).to_be_focused()
    row(data, "not_json").get_by_role("button", name=re.compile("Fix row")).click()
    box = dialog.get_by_role("textbox", name="Row as JSON")
    expect(box).to_have_value(f"not json {EVIL}")
    dialog.get_by_role("button", name="Check and keep").click()
    expect(dialog.get_by_role("alert")).to_contain_text("This is not a JSON object.")
    box.fill(json.dumps({"instruction": "Say it", "output": "I have said it, and say it again."}))
    dialog.get_by_role("button", name="Check and keep").click()
    expect(data.get_by_text("2 rows fixed.")).to_be_visible()
    data.reload()  # what was mended is not lost with the tab
    show(data, "Left out")
    data.get_by_role("button", name="Make a new version").click()
    expect(data.get_by_role("heading", name="talk-v2 is ready")).to_be_visible(timeout=PREPARED_MS)
    look_at(data, "talk-v2")
    show(data, "To learn from")
    expect(row(data, "I am a small model on your machine.")).to_be_visible()
    expect(row(data, "I have said it")).to_be_visible()
    data.get_by_role("link", name="All datasets").click()
    expect(data.get_by_role("link", name="talk", exact=True)).to_be_visible()


def test_mended_rows_outlive_a_version_that_came_to_nothing(data: Page) -> None:
    """They were thrown away when the version began: work by hand, lost with a server that died."""
    prepare(data, upload(), "talk")
    look_at(data, "talk")
    show(data, "Left out")
    row(data, "missing_field").get_by_role("button", name=re.compile("Fix row")).click()
    dialog = data.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Turn 2").fill("I am a small model on your machine.")
    dialog.get_by_role("button", name="Check and keep").click()
    fixed = data.get_by_text("1 row fixed.")
    begun: dict[str, object] = {
        "id": "prep-x",
        "name": "talk-v2",
        "status": "running",
        "sources": [],
        "steps": [],
    }
    begun |= {"began": 0, "ended": None, "now": 0, "reports": {}, "error": None}
    versions = "**/datasets/talk/versions"
    data.route(versions, lambda route: route.fulfill(status=202, json=begun))
    data.get_by_role("button", name="Make a new version").click()
    expect(data.get_by_text("The server was restarted while it prepared talk-v2.")).to_be_visible()
    expect(fixed).to_be_visible()
    data.unroute(versions)
    data.get_by_role("button", name="Make a new version").click()
    expect(data.get_by_role("heading", name="talk-v2 is ready")).to_be_visible(timeout=PREPARED_MS)
    expect(fixed).to_have_count(0)


def test_tokens_show_what_would_be_learnt(open_page: OpenPage, home: Path) -> None:
    """By models on this machine alone, taught ones too: `echo`, which answers by default, has no
    tokens, and an adapter none of its own but its base's."""
    base = write_tiny_checkpoint(home / "models" / "tiny")
    name = write_tiny_adapter(base, home / "adapters")
    with live_server(home) as live:
        page = open_page(live.url, "/app/data")
        prepare(page, upload(), "talk")
        look_at(page, "talk")
        show(page, "To learn from")
        page.get_by_role("button", name="Tokens of row 2").click()
        dialog = page.get_by_role("dialog", name="Tokens of row 2")
        models = dialog.get_by_role("combobox", name="Model")
        expect(models.locator("option", has_text=name)).to_have_count(1)
        assert {"tiny", name} <= set(offered := models.locator("option").all_text_contents())
        assert not {"echo", "The one that answers by default"} & set(offered)
        expect(dialog.locator("mark.learnt").first).to_be_visible()
        expect(dialog.get_by_role("alert")).to_have_count(0)
        for model in ("tiny", name):
            with page.expect_response(lambda answer: "/tokens?" in answer.url) as told:
                models.select_option(model)
            assert told.value.ok, told.value.text()
        learnt = dialog.locator("mark.learnt").first
        expect(learnt).to_contain_text("Lima, a city on the coast")
        expect(learnt).not_to_contain_text("What is the capital")


def test_a_preparation_can_be_cancelled_and_is_found_again(open_page: OpenPage, home: Path) -> None:
    many = [said(f"What is number {n}?", f"It is {n * n} less {n}.") for n in range(9000)]
    with live_server(home, environment=STAYS) as live:
        page = open_page(live.url, "/app/data")
        dialog = choose_file(page, upload("many.jsonl", many))
        expect(dialog.get_by_role("textbox", name="Name")).to_have_value("many")
        dialog.get_by_role("button", name="Prepare").click()
        making = page.get_by_role("region", name="Preparing many")
        expect(making).to_be_visible()
        page.reload()
        expect(making.get_by_text("Reading and cleaning")).to_be_visible()
        making.get_by_role("button", name="Cancel").click()
        expect(page.get_by_role("heading", name="was cancelled")).to_be_visible()
        expect(page.get_by_role("heading", name="No datasets yet")).to_be_visible()


def test_a_server_that_dies_while_it_prepares_is_told_of(open_page: OpenPage, home: Path) -> None:
    many = [said(f"What is number {n}?", f"It is {n * n} less {n}.") for n in range(9000)]
    with live_server(home, environment=STAYS) as first:
        page = open_page(first.url, "/app/data")
        dialog = choose_file(page, upload("many.jsonl", many))
        dialog.get_by_role("button", name="Prepare").click()
        making = page.get_by_role("region", name="Preparing many")
        expect(making).to_be_visible()
        first.process.kill()
        first.process.wait()
    with live_server(home, port=first.port):
        told = page.get_by_text("The server was restarted while it prepared many.")
        expect(told).to_be_visible()
        expect(making).to_have_count(0)
        page.get_by_role("button", name="New dataset").click()
        dialog.get_by_role("radio", name=re.compile("many.jsonl")).check()
        dialog.get_by_role("button", name="Prepare").click()
        ready = page.get_by_role("heading", name="many is ready")
        expect(ready).to_be_visible(timeout=PREPARED_MS)


def test_a_file_too_large_is_refused_before_it_is_sent(open_page: OpenPage, home: Path) -> None:
    limit = {"MINI_CLAUDE_MAX_FILE_BYTES": "2000"}
    with live_server(home, environment=limit) as live:
        page = open_page(live.url, "/app/data")
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.method))
        dialog = choose_file(page, upload(rows=ROWS * 10))
        expect(dialog.get_by_role("alert")).to_contain_text("at most 2 kB can be sent")
        expect(dialog.get_by_role("button", name="Prepare")).to_be_disabled()
        assert "POST" not in sent


def test_a_broken_file_says_what_is_wrong_with_it(data: Page) -> None:
    picture = {"name": "cat.png", "mimeType": "image/png", "buffer": b"\x89PNG" + bytes(99)}
    dialog = choose_file(data, picture)
    dialog.get_by_role("button", name="Prepare").click()
    making = data.get_by_role("region", name="Preparing cat-png")
    expect(making.get_by_role("alert")).to_contain_text("cat.png", timeout=PREPARED_MS)
    making.get_by_role("button", name="Close").click()
    expect(making).to_have_count(0)


def test_a_deleted_dataset_comes_back_with_undo(data: Page) -> None:
    prepare(data, upload(), "talk")
    link = data.get_by_role("table").get_by_role("link", name="talk")
    data.get_by_role("button", name="Options for talk").click()
    data.get_by_role("menuitem", name="Delete").click()
    undo = data.get_by_role("button", name="Undo")
    undo.hover()  # it stays while one points at it
    expect(link).to_have_count(0)
    undo.click()
    expect(link).to_be_visible()


def test_rows_are_saved_and_a_model_can_be_taught(data: Page) -> None:
    prepare(data, upload(), "talk")
    look_at(data, "talk")
    teach = data.get_by_role("link", name="Teach a model with this")
    expect(teach).to_have_attribute("href", "/app/training?data=talk")
    data.get_by_role("button", name="Download").click()
    with data.expect_download() as saved:
        data.get_by_role("menuitem", name="The rows", exact=True).click()
    assert saved.value.suggested_filename == "talk.jsonl"
    lines = Path(saved.value.path()).read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[1]) == ROWS[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_on_every_view(
    open_page: OpenPage, server: LiveServer, scheme: str
) -> None:
    page = open_page(server.url, "/app/data", color_scheme=scheme)
    prepare(page, upload(), f"contrast-{scheme}")
    measure = (Path(__file__).parent / "contrast.js").read_text()
    assert page.evaluate(measure) == []
    look_at(page, f"contrast-{scheme}")
    assert page.evaluate(measure) == []
    show(page, "Left out")
    expect(row(page, "not_json")).to_be_visible()
    assert page.evaluate(measure) == []
    page.get_by_role("button", name=re.compile("Fix row")).first.click()
    expect(page.get_by_role("dialog").get_by_role("textbox").first).to_be_visible()
    assert page.evaluate(measure) == []


def test_on_a_phone_nothing_scrolls_sideways(open_page: OpenPage, server: LiveServer) -> None:
    page = open_page(server.url, "/app/data", viewport={"width": 390, "height": 760})
    prepare(page, upload(), "phone")
    wide = "document.documentElement.scrollWidth"
    page_wide = "document.querySelector('.page-scroll').scrollWidth"
    assert page.evaluate(wide) <= 390
    assert page.evaluate(page_wide) <= 390
    look_at(page, "phone")
    assert page.evaluate(page_wide) <= 390
    show(page, "Left out")
    expect(row(page, "not_json")).to_be_visible()
    assert page.evaluate(page_wide) <= 390
