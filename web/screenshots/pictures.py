"""What is photographed, and where one has to look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Locator, Page

from web.screenshots import making
from web.screenshots.server import open_page

DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@dataclass(frozen=True)
class Camera:
    """Takes pictures of the server at `url` into a folder."""

    browser: Browser
    url: str
    folder: Path

    def open(self, path: str = "/", *, scale: int = 1, phone: bool = False) -> Page:
        """A page of a desk or of a phone."""
        page = open_page(self.browser, self.url, scale=scale, phone=phone)
        page.goto(path)
        return page

    def take(self, page: Page, name: str, scheme: Literal["light", "dark"] = "light") -> None:
        """Write NAME.png, by day or by night."""
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.evaluate("document.fonts.ready")
        page.evaluate(DRAWN)
        page.screenshot(path=self.folder / f"{name}.png")
        print(f"wrote {name}.png", flush=True)


def chat_pictures(camera: Camera) -> None:
    """The first visit, conversations, the palette, and an answer looked into."""
    page = camera.open()
    page.get_by_role("region", name="First visit").wait_for()
    camera.take(page, "first-visit")
    shown = making.talk(page)
    for name, scale, phone in (
        ("chat", 2, False),
        ("chat-dark", 1, False),
        ("chat-phone", 2, True),
    ):
        again = camera.open(shown, scale=scale, phone=phone)
        again.get_by_role("article", name="Answer").last.wait_for()
        again.wait_for_load_state("networkidle")
        again.evaluate("document.activeElement?.blur()")
        camera.take(again, name, "dark" if name == "chat-dark" else "light")
        again.context.close()
    page.keyboard.press("Control+k")
    page.get_by_role("listbox", name="Commands").get_by_role("option").first.wait_for()
    camera.take(page, "palette")
    making.weigh(page)
    word = _least_sure(page)
    word.hover()
    page.locator(".alternatives").wait_for()
    camera.take(page, "probabilities")
    page.goto("/app/conversations")
    page.get_by_text("make a dataset of them").wait_for()
    camera.take(page, "conversations")
    page.context.close()


def _least_sure(page: Page) -> Locator:
    """A word that the model hesitated at, in the first lines of the answer."""
    doubts = page.evaluate(
        "() => [...document.querySelectorAll('.tokens [data-place]')].slice(0, 60)"
        ".map((word) => Number(word.dataset.doubt))"
    )
    return page.locator(".tokens [data-place]").nth(doubts.index(max(doubts)))


def data_pictures(camera: Camera) -> None:
    """From a file to a dataset: the stages, the report, what was left out, what is learnt."""
    page = camera.open("/app/data")
    making.prepare(page)
    camera.take(page, "data")
    page.get_by_role("link", name="Look at it").click()
    page.get_by_role("region", name="How long answers are").wait_for()
    camera.take(page, "data-report")
    _to_top(page, "How varied it is")
    camera.take(page, "data-dark", "dark")
    phone = camera.open(page.url, phone=True)
    phone.get_by_role("region", name="How long answers are").wait_for()
    camera.take(phone, "data-phone")
    phone.context.close()
    page.get_by_role("button", name="Rows", exact=True).click()
    which = page.get_by_role("group", name="Which rows")
    which.get_by_role("button", name="Left out").click()
    page.get_by_role("button", name="Fix row").first.wait_for()
    camera.take(page, "data-rows")
    which.get_by_role("button", name="To learn from").click()
    page.get_by_role("button", name="Tokens of row 1", exact=True).click()
    page.locator("mark.learnt").first.wait_for()
    camera.take(page, "data-tokens")
    page.context.close()


def training_pictures(camera: Camera) -> None:
    """A run from its plan to what came of it, the models, and two of them compared."""
    page = camera.open()
    making.plan_run(page)
    _to_top(page, "It fits")
    camera.take(page, "training-plan")
    making.start_run(page, share=0.7)
    camera.take(page, "training")
    making.status(page, "finished").wait_for()
    result = page.get_by_role("region", name="The result")
    result.get_by_role("meter").first.wait_for()
    camera.take(page, "training-result")
    _to_top(page, "Curves")
    camera.take(page, "training-dark", "dark")
    phone = camera.open(page.url, phone=True)
    phone.locator(".curve canvas").first.wait_for()
    _to_top(phone, "Curves")
    camera.take(phone, "training-phone")
    phone.context.close()
    page.goto("/app/models")
    page.get_by_role("article").nth(1).wait_for()
    camera.take(page, "models")
    making.compare(page)
    camera.take(page, "compare")
    page.context.close()


def _to_top(page: Page, region: str) -> None:
    """Scroll a part of the page to the top."""
    page.get_by_role("region", name=region, exact=True).evaluate(
        "(part) => part.scrollIntoView({ block: 'start' })"
    )
