"""From a file of rows to talking with what was taught: real training of a model of a few
kilobytes, by a person who only clicks."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.jobs.test_assemble import write_rows
from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.web.conftest import OpenPage
from tests.web.live import live_server
from tests.web.steps import answers, send

PATIENCE_MS = 400_000
"""Workers import PyTorch several times over, maybe on a busy machine."""

SETTINGS = {
    "steps": "6",
    "max_length": "96",
    "batch_tokens": "256",
    "evaluate_every": "2",
    "checkpoint_every": "2",
    "seed": "1",
}


def test_a_model_is_taught_by_clicks(open_page: OpenPage, tmp_path: Path) -> None:
    home = tmp_path / "home"
    write_tiny_checkpoint(home / "models" / "tiny")
    rows = write_rows(tmp_path / "animals.jsonl")
    with live_server(home) as live:
        page = open_page(live.url, "/app/training/new")
        page.get_by_label("A file of rows").set_input_files(rows)
        expect(page.get_by_role("combobox", name="Learn from")).to_contain_text("animals.jsonl")
        page.get_by_role("combobox", name="Base model").select_option("tiny")
        page.get_by_role("textbox", name="Name of the result").fill("zoo")
        page.get_by_text("Expert settings").click()
        for name, value in SETTINGS.items():
            page.get_by_role("textbox", name=name, exact=True).fill(value)
        page.get_by_role("combobox", name="precision").select_option("float32")

        page.get_by_role("button", name="What would it take?").click()
        fits = page.get_by_role("region", name="It fits")
        expect(fits).to_be_visible(timeout=PATIENCE_MS)
        expect(fits).to_contain_text("rows to learn from")
        expect(fits).not_to_contain_text("nothing is held out")
        page.get_by_role("button", name="Start training").click()

        status = page.get_by_role("main").get_by_role("status")
        expect(status.filter(has_text="finished")).to_be_visible(timeout=PATIENCE_MS)
        for name in ("Loss", "Learning rate", "Tokens a second", "Memory"):
            expect(page.get_by_role("figure", name=name).locator("canvas")).to_be_visible()
        page.get_by_text("The same as a table").click()
        expect(page.get_by_role("region", name="Figures").get_by_role("row")).to_have_count(7)

        result = page.get_by_role("region", name="The result")
        expect(result).to_contain_text("On rows it never read, the tuned model predicts")
        expect(result.get_by_role("meter")).to_have_count(2)
        pairs = result.get_by_role("list").get_by_role("listitem")
        expect(pairs.first).to_contain_text("Where does animal number")
        expect(pairs.first).to_contain_text("In the data")
        expect(page.get_by_role("region", name="Answers on the way")).to_contain_text(
            "Where does animal number"
        )

        page.get_by_role("link", name="Chat with it").click()
        expect(page.get_by_role("button", name="Model: ft:tiny:local:zoo:")).to_be_visible()
        send(page, "Where does the cow live?")
        expect(answers(page)).to_have_attribute("data-status", "complete", timeout=PATIENCE_MS)

        # Beside the base that it was taught on.
        page.get_by_role("button", name="Compare with another model").click()
        page.get_by_role("menuitem", name="tiny", exact=True).click()
        send(page, "Where does the owl live?")
        columns = page.get_by_role("group", name="Two answers side by side").get_by_role("region")
        expect(columns).to_have_count(2)
        for number in range(2):
            column = columns.nth(number)
            expect(column).to_have_attribute("aria-busy", "false", timeout=PATIENCE_MS)
        page.get_by_role("button", name="Keep this one, the answer of tiny").click()
        expect(answers(page)).to_have_count(2)
