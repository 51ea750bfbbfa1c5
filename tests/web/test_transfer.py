"""Conversations as files, in a browser: exported, shared, imported; folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.store.test_imports import chatgpt, open_webui
from tests.web.conftest import OpenPage
from tests.web.live import LiveServer
from tests.web.steps import answers, ask, choose, listed, questions, save

pytestmark = pytest.mark.browser


def open_archive(page: Page) -> None:
    page.get_by_role("link", name="Conversations").click()
    expect(page.get_by_role("heading", level=1, name="Conversations")).to_be_visible()


def test_a_conversation_is_exported_and_imported_again(page: Page, tmp_path: Path) -> None:
    ask(page, "Ostriches run")
    ask(page, "and hide")
    document = json.loads(save(page, "Ostriches run", "JSON").read_text())
    document["title"] = "Ostriches again"
    file = tmp_path / "again.json"
    file.write_text(json.dumps(document))
    open_archive(page)
    page.get_by_label("File to import").set_input_files(file)
    expect(page.get_by_role("status")).to_contain_text(
        ["From Mini-Claude: 1 conversations with 4 messages."]
    )
    page.goto("/")
    listed(page, "Ostriches again").click()
    expect(questions(page)).to_have_text(["Ostriches run", "and hide"])


@pytest.mark.parametrize(
    ("form", "row"),
    [
        ("OpenAI", {"messages": ["Emus walk", "Emus walk"]}),
        ("ShareGPT", {"conversations": ["Emus walk", "Emus walk"]}),
        ("Alpaca", {"instruction": "Emus walk", "output": "Emus walk"}),
    ],
)
def test_a_conversation_becomes_a_training_row(page: Page, form: str, row: dict[str, Any]) -> None:
    ask(page, "Emus walk")
    saved = json.loads(save(page, "Emus walk", f"Training row, {form}").read_text())
    said = {
        key: [turn.get("content", turn.get("value")) for turn in value]
        if isinstance(value, list)
        else value
        for key, value in saved.items()
    }
    assert {key: said[key] for key in row} == row
    page.request.delete(f"/conversations/{page.url.rsplit('/', 1)[1]}")


def test_a_shared_page_shows_the_conversation_without_any_help(
    page: Page, open_page: OpenPage
) -> None:
    ask(page, "Share **this** <script>window.broken = 1</script>")
    file = save(page, "Share **this** <script>window.broken = 1</script>", "Web page")
    shared = page.context.browser.new_page() if page.context.browser else page
    shared.set_content(file.read_text())
    expect(shared.locator("article.assistant strong")).to_have_text("this")
    assert shared.evaluate("window.broken") is None
    assert shared.evaluate("getComputedStyle(document.querySelector('.user div')).whiteSpace") == (
        "pre-wrap"  # the policy lets its own styles through
    )
    shared.close()


def test_chatgpts_export_is_taken_and_what_is_left_out_is_told(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "conversations.json"
    file.write_text(json.dumps([chatgpt() | {"is_archived": False}]))
    open_archive(page)
    page.get_by_label("File to import").set_input_files(file)
    told = page.get_by_role("region", name="Import")
    expect(told).to_contain_text("From ChatGPT: 1 conversations with 4 messages.")
    expect(told.get_by_role("listitem")).to_contain_text(
        ["hidden messages", "role tool", "type thoughts", "image_asset_pointer"]
    )
    page.goto("/")
    # It is as old as it was there: below what the list shows at first.
    page.get_by_role("textbox", name="Search conversations").fill("Animals of the farm")
    listed(page, "Animals of the farm").first.click()
    expect(answers(page)).to_contain_text("A fox.")
    expect(page.get_by_text("Version 1 of 2")).to_be_attached()


def test_open_webuis_export_is_taken(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "chats.json"
    greeting = open_webui() | {"updated_at": 1_900_000_000}
    file.write_text(json.dumps([greeting]))
    open_archive(page)
    page.get_by_label("File to import").set_input_files(file)
    told = page.get_by_role("region", name="Import")
    expect(told).to_contain_text("From Open WebUI: 1 conversations with 3 messages.")
    page.goto("/")
    listed(page, "Greeting").first.click()
    expect(questions(page)).to_have_text(["Hello", "Go on"])
    expect(answers(page).first).to_contain_text("Hi!")


@pytest.mark.parametrize("content", [b'[{"title": "cut o', b"\x00\xff\xfe\x80 no text"])
def test_a_broken_file_is_refused_and_the_next_is_taken(
    page: Page, tmp_path: Path, content: bytes
) -> None:
    broken, whole = tmp_path / "broken.json", tmp_path / "whole.json"
    broken.write_bytes(content)
    whole.write_text(json.dumps([chatgpt()]))
    open_archive(page)
    page.get_by_label("File to import").set_input_files(broken)
    told = page.get_by_role("region", name="Import")
    expect(told.get_by_role("alert")).to_contain_text("JSON")
    page.get_by_label("File to import").set_input_files(whole)
    expect(told).to_contain_text("From ChatGPT: 1 conversations")
    expect(told.get_by_role("alert")).to_have_count(0)


def test_a_foreign_file_is_refused_by_what_it_is(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text('[{"instruction": "x", "output": "y"}]')
    open_archive(page)
    page.get_by_label("File to import").set_input_files(file)
    alert = page.get_by_role("region", name="Import").get_by_role("alert")
    expect(alert).to_contain_text("a list of an object with 'instruction', 'output'")
    expect(alert).to_contain_text("Open WebUI's export")


def test_everything_is_exported_in_one_file(page: Page) -> None:
    ask(page, "Everything at once")
    open_archive(page)
    with page.expect_download() as saving:
        page.get_by_role("button", name="Export all conversations").click()
    file = json.loads(saving.value.path().read_text())
    titles = [conversation["title"] for conversation in file["conversations"]]
    assert "Everything at once" in titles


def test_a_conversation_goes_into_a_folder_and_out_again(
    open_page: OpenPage, server: LiveServer
) -> None:
    page = open_page(server.url)
    ask(page, "A matter of work")
    ask_other(page, "A matter of play")
    choose(page, "A matter of work", "Move to a folder…")
    dialog = page.get_by_role("dialog", name="Move to a folder")
    dialog.get_by_role("textbox", name="New folder").fill("Work")
    dialog.get_by_role("button", name="Move", exact=True).click()
    page.get_by_role("combobox", name="Folder").select_option("Work")
    expect(listed(page, "A matter of play")).to_have_count(0)
    expect(listed(page, "A matter of work")).to_be_visible()
    choose(page, "A matter of work", "Move to a folder…")
    page.get_by_role("button", name="Out of its folder").click()
    expect(listed(page, "A matter of work")).to_have_count(0)
    page.get_by_role("combobox", name="Folder").select_option("All folders")
    expect(listed(page, "A matter of work")).to_be_visible()


def ask_other(page: Page, text: str) -> None:
    """Ask in a new chat."""
    page.get_by_role("button", name="New chat").first.click()
    ask(page, text)
