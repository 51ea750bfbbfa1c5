"""The models page: what is there and what it costs, get, quantise, export, remove, lineage."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.model.hub_stand_in import Hub, folder_files, running_hub
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.web.conftest import OpenPage
from tests.web.live import LiveServer, live_server

CARD = """# pirate

| | |
|---|---|
| Rows | 1,200 to learn from, 60 held out |
| perplexity before | 12.5 |
| perplexity after | 4.25 |
"""
WORKER_MS = 400_000
"""A worker imports what computes before it begins."""


@dataclass
class Shelf:
    """A server with the models `tiny`, `spare` and an adapter on `tiny`, and a hub."""

    server: LiveServer
    hub: Hub
    adapter: str


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    home = tmp_path_factory.mktemp("shelf")
    tiny = write_tiny_checkpoint(home / "models" / "tiny")
    shutil.copytree(tiny, home / "models" / "spare")
    adapter = write_tiny_adapter(tiny, home / "adapters", suffix="pirate")
    folder: Path = home / "adapters" / adapter.rpartition(":")[2]
    (folder / "README.md").write_text(CARD)
    with (
        running_hub("org/new", folder_files(tiny)) as hub,
        live_server(home, environment={"HF_ENDPOINT": hub.url}) as server,
    ):
        yield Shelf(server, hub, adapter)


@pytest.fixture
def models(open_page: OpenPage, shelf: Shelf) -> Page:
    page = open_page(shelf.server.url, "/app/models")
    expect(card(page, "tiny")).to_be_visible()
    return page


def card(page: Page, name: str) -> Locator:
    """A model on the page."""
    return page.get_by_role("article", name=name, exact=True)


def act(page: Page, name: str, action: str) -> None:
    """Something from a model's menu."""
    page.get_by_role("button", name=f"What to do with {name}", exact=True).click()
    page.get_by_role("menuitem", name=action).click()


def test_a_model_says_what_it_costs(models: Page) -> None:
    expect(models.get_by_role("heading", level=1, name="Models")).to_be_visible()
    tiny = card(models, "tiny")
    for fact in ("256 tokens", "float32", "28.2 k", "int4", "bfloat16"):
        expect(tiny).to_contain_text(fact)
    expect(card(models, "mini-claude-11m")).to_contain_text("built in")


def test_an_adapter_hangs_on_its_base_with_its_lineage(models: Page, shelf: Shelf) -> None:
    tuned = models.get_by_role("list", name="Tuned on tiny")
    expect(tuned.get_by_role("heading", name="pirate")).to_be_visible()
    lineage = models.get_by_role("list", name=f"Where {shelf.adapter} comes from")
    expect(lineage).to_contain_text("1,200 rows")
    expect(lineage).to_contain_text("better")
    expect(lineage.get_by_label("Perplexity before")).to_have_attribute("value", "12.5")
    expect(lineage.get_by_label("Perplexity after")).to_have_attribute("value", "4.25")


def test_a_chat_with_a_model_is_one_choice(models: Page, shelf: Shelf) -> None:
    act(models, shelf.adapter, "Chat with it")
    picker = models.get_by_role("button", name=f"Model: {shelf.adapter}")
    expect(picker).to_have_text("pirate")


def test_the_picker_says_what_each_model_costs(models: Page, shelf: Shelf) -> None:
    models.goto("/")
    models.get_by_role("button", name="Model: echo").click()
    expect(models.get_by_role("option", name="mini-claude-11m")).to_contain_text("13.2 MB")
    pirate = models.get_by_role("option", name=shelf.adapter)
    expect(pirate).to_contain_text(re.compile(r"adapter of [\d.]+ kB"))


def test_a_removed_model_can_be_brought_back(models: Page) -> None:
    act(models, "spare", "Remove…")
    models.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    undo = models.get_by_role("button", name="Undo")
    undo.hover()  # it stays while one points at it
    expect(card(models, "spare")).to_have_count(0)
    undo.click()
    expect(card(models, "spare")).to_be_visible()


def test_a_base_is_not_removed_from_under_its_adapters(models: Page, shelf: Shelf) -> None:
    act(models, "tiny", "Remove…")
    window = models.get_by_role("dialog")
    expect(window.get_by_role("alert")).to_contain_text(shelf.adapter)
    expect(window.get_by_role("button", name="Remove", exact=True)).to_be_disabled()


def test_the_default_is_chosen(models: Page) -> None:
    act(models, "spare", "Make it the default")
    expect(card(models, "spare").get_by_text("default", exact=True)).to_be_visible()
    expect(models.get_by_text("spare answers until the server restarts")).to_be_visible()


def test_a_model_is_got_with_its_needs_first(models: Page, shelf: Shelf) -> None:
    """And what was fetched before a cancel is not fetched again."""

    def look() -> Locator:
        models.get_by_role("button", name="Get a model").click()
        window = models.get_by_role("dialog")
        window.get_by_role("textbox", name="Name on the hub").fill("org/new")
        window.get_by_role("button", name="See what it needs").click()
        for need in ("Disk", "Memory for its weights"):
            expect(window.get_by_role("status")).to_contain_text(need)
        return window

    shelf.hub.failing["model.safetensors"] = [503] * 4  # the worker waits between its tries
    window = look()
    assert not any("/cdn/model.safetensors" in path for path in shelf.hub.paths)
    window.get_by_role("button", name="Download").click()
    task = models.get_by_role("region", name="Task")
    expect(task.get_by_role("progressbar")).to_be_visible()
    task.get_by_role("button", name="Cancel").click()
    expect(models.get_by_text("Cancelled. What was fetched is kept")).to_be_visible()
    shelf.hub.failing.clear()
    look().get_by_role("button", name="Download").click()
    expect(models.get_by_text("org/new is ready.")).to_be_visible(timeout=WORKER_MS)
    expect(card(models, "org/new")).to_be_visible()


def test_a_server_that_stops_while_it_works_leaves_the_page_whole(
    open_page: OpenPage, home: Path
) -> None:
    """The stream's last words are an error, which was taken for the task: nothing was left of the
    page. And a task that nobody knows any more went on running on it for ever."""
    tiny = write_tiny_checkpoint(home / "models" / "tiny")
    with running_hub("org/new", folder_files(tiny)) as hub:
        hub.failing["model.safetensors"] = [503] * 100
        environment = {"HF_ENDPOINT": hub.url}
        with live_server(home, environment=environment) as first:
            page = open_page(first.url, "/app/models")
            page.get_by_role("button", name="Get a model").click()
            window = page.get_by_role("dialog")
            window.get_by_role("textbox", name="Name on the hub").fill("org/new")
            window.get_by_role("button", name="See what it needs").click()
            window.get_by_role("button", name="Download").click()
            expect(page.get_by_role("region", name="Task")).to_be_visible()
            port = first.port
        expect(page.get_by_text("The server does not answer.")).to_be_visible()
        expect(card(page, "tiny")).to_be_visible()
        with live_server(home, port=port, environment=environment):
            expect(
                page.get_by_text("The server was restarted before this was done")
            ).to_be_visible()
            expect(page.get_by_role("region", name="Task")).to_have_count(0)


def test_a_model_that_the_hub_does_not_have(models: Page) -> None:
    models.get_by_role("button", name="Get a model").click()
    window = models.get_by_role("dialog")
    window.get_by_role("textbox", name="Name on the hub").fill("org/other")
    window.get_by_role("button", name="See what it needs").click()
    expect(window.get_by_role("alert")).to_contain_text("the hub has no such model")


def test_a_smaller_copy_is_made(models: Page) -> None:
    act(models, "tiny", "Quantise…")
    window = models.get_by_role("dialog", name="Quantise tiny")
    window.get_by_role("radio", name="int8").check()
    window.get_by_role("button", name="Quantise", exact=True).click()
    expect(models.get_by_text("tiny-int8 is ready.")).to_be_visible(timeout=WORKER_MS)
    expect(card(models, "tiny-int8")).to_contain_text("int8")


def test_an_adapter_is_exported_and_saved(models: Page, shelf: Shelf) -> None:
    act(models, shelf.adapter, "Export…")
    window = models.get_by_role("dialog")
    window.get_by_role("radio", name="GGUF, 16 bit").check()
    window.get_by_role("button", name="Export", exact=True).click()
    expect(models.get_by_text("is among the exports below")).to_be_visible(timeout=WORKER_MS)
    with models.expect_download() as download:
        models.get_by_role("link", name="Save ft-tiny-us-pirate").click()
    assert download.value.path().read_bytes()[:4] == b"GGUF"
    models.get_by_role("button", name="Delete ft-tiny-us-pirate").click()
    expect(models.get_by_role("region", name="Exports")).to_have_count(0)


def test_the_page_fits_a_phone(open_page: OpenPage, shelf: Shelf) -> None:
    page = open_page(shelf.server.url, "/app/models", viewport={"width": 390, "height": 800})
    expect(card(page, "tiny")).to_be_visible()
    wide = page.evaluate("document.querySelector('.page-scroll').scrollWidth")
    assert wide <= 390
