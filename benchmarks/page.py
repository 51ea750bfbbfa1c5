"""How quick the page is in Chromium, against the real server. Prints one line of JSON.

    python benchmarks/page.py [--tokens 20000] [--rate 250]

`interactive_ms`: from the navigation, with an empty cache, to a composer that can be typed into
(the median of 5; aim: 1,000). `js_gzip_kb`: script fetched by then (aim: 350). Then one answer of
`--tokens` deltas, `--rate` a second, in Markdown with lists, tables and code: `script_share`, the
part of the time in which the page's main thread ran script (aim: 0.35), `busy_share`, the part in
which it did anything, `longest_frame_ms` between two animation frames (aim: 100) and
`frames_over_100_ms`. `deltas_per_s`: what was reached.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from miniclaude.messages import Finished, StreamEvent, TextDelta, Usage  # noqa: E402
from miniclaude.providers import echo  # noqa: E402
from miniclaude.providers.base import ChatRequest  # noqa: E402
from miniclaude.server.serve import run_server  # noqa: E402
from miniclaude.settings import load_settings  # noqa: E402
from tests.web.live import QUIET, find_browser  # noqa: E402

RUNS = 5
SECTION = (
    "## A part of the answer\n\n"
    + "The fox went on through the *quiet* wood and thought about what it had **seen**. " * 6
    + "\n\n- the first thing to know\n- another one with `code` in it\n- and the last of them\n\n"
    + "```python\ndef answer(question: str) -> str:\n    return question.upper()\n```\n\n"
    + "| name | value |\n| --- | --- |\n| one | 1 |\n| two | 2 |\n\n"
)

INTERACTIVE = """() => {
    const box = document.querySelector(".composer textarea");
    return box && !box.disabled ? performance.now() : 0;
}"""
SCRIPTS = """() => performance.getEntriesByType("resource")
    .filter(({ name }) => name.endsWith(".js"))
    .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)"""
WATCH_FRAMES = """() => {
    window.frames_seen = [];
    let last = performance.now();
    const look = (now) => {
        frames_seen.push(now - last);
        last = now;
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
}"""


class Talker(echo.Echo):
    """Answers anything with `tokens` deltas of Markdown, `rate` a second."""

    def __init__(self, tokens: int, rate: float) -> None:
        super().__init__()
        words = echo.WORD.findall(SECTION)
        self._words = [words[n % len(words)] for n in range(tokens)]
        self._rate = rate

    async def chat(self, request: ChatRequest) -> AsyncGenerator[StreamEvent, None]:
        """By the clock, so that a late delta does not delay the ones after it."""
        began = time.monotonic()
        for number, word in enumerate(self._words):
            await asyncio.sleep(max(0.0, began + number / self._rate - time.monotonic()))
            yield TextDelta(0, word)
        yield Finished(0, "stop")
        yield Usage(1, len(self._words))


def serve(home: Path, tokens: int, rate: float) -> None:
    """The server's process; prints its address."""

    def create(options: Mapping[str, object]) -> echo.Echo:
        return Talker(tokens, rate)

    echo.create = create
    run_server(load_settings(home, port=0, model="echo"), lambda url: print(url, flush=True))


def measure_start(browser: Browser, url: str) -> dict[str, float]:
    """Opening the page with an empty cache."""
    times = []
    scripts = 0.0
    for _ in range(RUNS):
        context = browser.new_context()
        page = context.new_page()
        page.goto(url, wait_until="commit")
        times.append(float(page.wait_for_function(INTERACTIVE).json_value()))
        page.wait_for_load_state("networkidle")
        scripts = float(page.evaluate(SCRIPTS))
        context.close()
    return {
        "interactive_ms": round(statistics.median(times)),
        "js_gzip_kb": round(scripts / 1000, 1),
    }


def measure_stream(page: Page, tokens: int, rate: float) -> dict[str, float]:
    """One long answer, from the question to its end."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    page.locator(".composer textarea").fill("Tell me everything.")
    before = _metrics(session)
    page.evaluate(WATCH_FRAMES)
    page.locator(".send").click()
    ended = page.locator("[data-status=complete]")
    ended.wait_for(timeout=(tokens / rate * 3 + 60) * 1000)
    after = _metrics(session)
    frames = sorted(float(gap) for gap in page.evaluate("frames_seen"))
    seconds = after["Timestamp"] - before["Timestamp"]
    spent = {name: after[name] - before[name] for name in ("ScriptDuration", "TaskDuration")}
    return {
        "deltas_per_s": round(tokens / seconds, 1),
        "script_share": round(spent["ScriptDuration"] / seconds, 3),
        "busy_share": round(spent["TaskDuration"] / seconds, 3),
        "longest_frame_ms": round(frames[-1]),
        "frames_over_100_ms": sum(gap > 100 for gap in frames),
        "frame_ms_p99": round(frames[int(len(frames) * 0.99)]),
    }


def _metrics(session: CDPSession) -> dict[str, float]:
    found: list[dict[str, Any]] = session.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in found}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=250.0)
    parser.add_argument("--serve", type=Path, metavar="HOME", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve, given.tokens, given.rate)
        return
    command = [sys.executable, __file__, "--tokens", str(given.tokens), "--rate", str(given.rate)]
    with (
        tempfile.TemporaryDirectory() as home,
        subprocess.Popen([*command, "--serve", home], stdout=subprocess.PIPE, text=True) as server,
        sync_playwright() as playwright,
    ):
        assert server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            executable = find_browser(playwright.chromium.executable_path)
            if not url or executable is None:
                raise SystemExit("error: the server or Chromium did not start; see above.")
            browser = playwright.chromium.launch(executable_path=executable, args=list(QUIET))
            result = measure_start(browser, url)
            page = browser.new_page()
            page.goto(url)
            page.wait_for_function(INTERACTIVE)
            result |= measure_stream(page, given.tokens, given.rate)
            browser.close()
        finally:
            server.terminate()
    print(json.dumps({"tokens": given.tokens, "rate": given.rate, **result}))


if __name__ == "__main__":
    main()
