"""The product, running on an empty home, and a browser to look at it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
READY = "Mini-Claude is ready: "
PATIENCE_MS = 600_000
"""For an answer, a dataset or a training run, maybe on a busy machine."""

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 800}


@contextlib.contextmanager
def running_server(home: Path, model: str | None) -> Iterator[str]:
    """The server's address, while it runs."""
    start = "from miniclaude.cli.main import main; main()"
    command = [sys.executable, "-c", start, "serve", "--home", str(home), "--port", "0"]
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


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """A Chromium on the machine, else Playwright's."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_find(playwright.chromium.executable_path),
            args=["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"],
        )
        yield browser
        browser.close()


def _find(playwright_own: str) -> str:
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    if Path(playwright_own).is_file():
        return playwright_own
    raise SystemExit(
        "error: no Chromium was found. Install it (Debian: apt-get install chromium) "
        "or run: python -m playwright install chromium"
    )


def open_page(browser: Browser, url: str, *, scale: int = 1, phone: bool = False) -> Page:
    """A page in a profile of its own, by day; `dark` below makes it night."""
    context = browser.new_context(
        base_url=url,
        viewport={"width": PHONE["width"], "height": PHONE["height"]}
        if phone
        else {"width": DESK["width"], "height": DESK["height"]},
        device_scale_factor=scale,
        color_scheme="light",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()
