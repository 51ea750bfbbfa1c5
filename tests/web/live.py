"""Finding a browser, and starting the real server for it."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
STARTUP_SECONDS = 240
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
)
"""So that the browser asks nobody for anything."""


def find_browser(playwright_own: str) -> str | None:
    """A Chromium on the machine, else the one Playwright installed; None without one."""
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    return playwright_own if Path(playwright_own).is_file() else None


@dataclass
class LiveServer:
    """A server process. `hold` keeps its echo waiting."""

    url: str
    home: Path
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rsplit(":", 1)[1])

    @contextlib.contextmanager
    def hold(self, after: int = 0) -> Iterator[Path]:
        """While inside, no answer gets longer than `after` words; deleting the file that is
        handed out lets them go on early."""
        file = self.home / "hold"
        file.write_text(str(after))
        try:
            yield file
        finally:
            file.unlink(missing_ok=True)


@contextlib.contextmanager
def live_server(
    home: Path, *, port: int = 0, environment: Mapping[str, str] | None = None
) -> Iterator[LiveServer]:
    """The server on a free port (or `port`), ended at the end."""
    home.mkdir(parents=True, exist_ok=True)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MINI_CLAUDE_")}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.web.serve_echo", str(home), str(port)],
        cwd=ROOT,
        env={**inherited, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], STARTUP_SECONDS)
            url = process.stdout.readline().strip() if ready else ""
            assert url, "the server did not start"
            yield LiveServer(url, home, process)
        finally:
            process.terminate()
            try:
                process.wait(timeout=180)
            except subprocess.TimeoutExpired:
                process.kill()
