"""Takes the README's pictures from the running product.

    .venv/bin/python web/screenshot.py [--model NAME]      # what `make screenshot` runs

Starts the server on an empty home, talks to its model in Chromium as a person would, and writes
docs/images/chat.png, chat-dark.png and chat-phone.png.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
READY = "Mini-Claude is ready: "
ANSWER_MS = 180_000

EARLIER = ("What is 2 + 2?", "Tell me a joke.", "I have an exam tomorrow.")
"""Conversations for the list."""

SHOWN = ("Who are you?", "Tell me a short story about a fox.")
"""The conversation in the picture."""


@contextlib.contextmanager
def running_server(home: str, model: str | None) -> Iterator[str]:
    """The server's address, while it runs."""
    start = "from miniclaude.cli.main import main; main()"
    command = [sys.executable, "-c", start, "serve", "--home", home, "--port", "0"]
    if model:
        command += ["--model", model]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MINI_CLAUDE_")}
    with subprocess.Popen(
        command, env={**environment, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            lines = process.stdout or ()
            line = next((line for line in lines if line.startswith(READY)), None)
            if line is None:
                raise SystemExit("error: the server did not start; see above.")
            yield line.removeprefix(READY).strip()
        finally:
            process.terminate()


def find_browser(playwright_own: str) -> str:
    """A Chromium on the machine, else Playwright's."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    if Path(playwright_own).is_file():
        return playwright_own
    raise SystemExit(
        "error: no Chromium was found. Install it (Debian: apt-get install chromium) "
        "or run: python -m playwright install chromium"
    )


def ask(page: Page, question: str) -> None:
    """Send a question and wait until the answer has ended."""
    answers = page.get_by_role("article", name="Answer")
    before = answers.count()
    composer = page.get_by_role("textbox", name="Message", exact=True)
    composer.fill(question)
    composer.press("Enter")
    answers.nth(before).wait_for()
    page.wait_for_function(
        "() => ![...document.querySelectorAll('[data-status]')]"
        ".some((answer) => answer.dataset.status === 'streaming')",
        timeout=ANSWER_MS,
    )


def talk(page: Page, url: str) -> str:
    """Have the conversations; the path of the one to show."""
    for question in EARLIER:
        page.goto(url)
        ask(page, question)
    page.goto(url)
    for question in SHOWN:
        ask(page, question)
    return page.url


def take(
    browser: Browser, url: str, name: str, *, width: int, height: int, scheme: str = "light"
) -> None:
    """One picture of the conversation at `url`, at twice the resolution."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=2,
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(url)
    page.get_by_role("article", name="Answer").last.wait_for()
    page.evaluate("document.fonts.ready")
    page.evaluate("document.activeElement?.blur()")
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / f"{name}.png")
    context.close()
    print(f"wrote {(IMAGES / name).relative_to(ROOT)}.png")


def main() -> None:
    """Talk once, take three pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--model", help="a model other than the default one")
    model = parser.parse_args().model
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(str(Path(folder) / "home"), model) as url,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=find_browser(playwright.chromium.executable_path),
            args=["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"],
        )
        shown = talk(browser.new_page(), url)
        take(browser, shown, "chat", width=1280, height=800)
        take(browser, shown, "chat-dark", width=1280, height=800, scheme="dark")
        take(browser, shown, "chat-phone", width=390, height=800)
        browser.close()


if __name__ == "__main__":
    main()
