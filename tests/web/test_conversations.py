"""The list: search, rename, pin, archive, delete and undo."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.web.conftest import OpenPage
from tests.web.live import LiveServer
from tests.web.steps import answers, ask, choose, composer, listed

pytestmark = pytest.mark.browser


@pytest.fixture
def page(page: Page) -> Iterator[Page]:
    """The page with one conversation, which is the only one of its name."""
    ask(page, "Zebra crossing")
    yield page
    for archived in ("false", "true"):
        found = page.request.get(f"/conversations?limit=200&archived={archived}").json()
        for conversation in found["data"]:
            page.request.delete(f"/conversations/{conversation['id']}")


def test_a_conversation_is_titled_renamed_and_pinned(page: Page) -> None:
    expect(listed(page, "Zebra crossing")).to_have_attribute("aria-current", "page")
    expect(page).to_have_title("Zebra crossing · Mini-Claude")
    choose(page, "Zebra crossing", "Rename")
    title = page.get_by_role("textbox", name="Title")
    title.fill("Zebra stripes")
    title.press("Enter")
    with page.expect_response(lambda r: "pinned" in (r.request.post_data or "")):
        choose(page, "Zebra stripes", "Pin")
    page.reload()
    pinned = page.get_by_role("region", name="Pinned")
    expect(pinned.get_by_role("link", name="Zebra stripes")).to_be_visible()


def test_escape_leaves_a_title_as_it_was(page: Page) -> None:
    choose(page, "Zebra crossing", "Rename")
    page.get_by_role("textbox", name="Title").fill("Zebra nonsense")
    page.keyboard.press("Escape")
    expect(listed(page, "Zebra crossing")).to_be_visible()


def test_a_deletion_can_be_undone(page: Page) -> None:
    choose(page, "Zebra crossing", "Delete")
    undo = page.get_by_role("button", name="Undo")
    undo.hover()  # it stays while one points at it
    expect(listed(page, "Zebra crossing")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    undo.click()
    listed(page, "Zebra crossing").click()
    expect(answers(page)).to_contain_text("Zebra crossing")


def test_the_offer_to_undo_stays_while_one_points_at_it(page: Page) -> None:
    """It went after six seconds, and the conversation with it, just as one reached for it."""
    page.clock.install()
    choose(page, "Zebra crossing", "Delete")
    undo = page.get_by_role("button", name="Undo")
    undo.hover()
    page.clock.run_for(60_000)
    undo.click()
    page.reload()
    expect(listed(page, "Zebra crossing")).to_be_visible()


def test_a_deletion_is_carried_out_even_when_the_page_closes_at_once(
    page: Page, open_page: OpenPage, server: LiveServer
) -> None:
    """Whoever deletes a thing and leaves must not find it again."""
    conversation = page.url.rsplit("/", 1)[1]
    choose(page, "Zebra crossing", "Delete")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.goto("about:blank")
    witness = open_page(server.url)
    witness.wait_for_function(
        "id => fetch(`/conversations/${id}`).then((answer) => answer.status === 404)",
        arg=conversation,
    )


def test_an_archived_conversation_is_out_of_the_way_and_comes_back(page: Page) -> None:
    choose(page, "Zebra crossing", "Archive")
    expect(listed(page, "Zebra crossing")).to_have_count(0)
    page.get_by_text("Archived", exact=True).click()
    # A reload would cancel it.
    with page.expect_response(lambda r: '"archived":false' in (r.request.post_data or "")):
        choose(page, "Zebra crossing", "Take out of archive")
    page.reload()
    expect(listed(page, "Zebra crossing")).to_be_visible()


def test_search_finds_what_was_said(page: Page) -> None:
    page.get_by_role("button", name="New chat").first.click()
    ask(page, "Something else entirely")
    composer(page).blur()
    page.keyboard.press("/")
    search = page.get_by_role("textbox", name="Search conversations")
    expect(search).to_be_focused()
    search.fill("zebra")
    expect(listed(page, "Something else entirely")).to_have_count(0)
    expect(listed(page, "Zebra crossing")).to_be_visible()
    search.fill("no such words anywhere")
    expect(page.get_by_text("Nothing about “no such words anywhere”.")).to_be_visible()
    search.press("Escape")
    expect(listed(page, "Something else entirely")).to_be_visible()


def test_the_list_goes_on_as_one_scrolls(open_page: OpenPage, server: LiveServer) -> None:
    page = open_page(server.url)
    made = []
    for number in range(45):
        answer = page.request.post("/conversations", data={"title": f"Heap {number}"})
        made.append(answer.json()["id"])
    page.reload()
    expect(listed(page, "Heap 44")).to_be_visible()
    listed(page, "Heap 16").scroll_into_view_if_needed()
    expect(listed(page, "Heap 0")).to_be_attached()
    for conversation in made:
        page.request.delete(f"/conversations/{conversation}")
