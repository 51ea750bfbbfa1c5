"""A real server in a process of its own, watched from within and from without. Linux only.

    python benchmarks/live_server.py HOME MODEL [--threads N]

As a script it is that process: it serves until it is terminated, and prints its address, then a
line for every time that its event loop came back late. `LiveServer` starts one and reads that.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

LOADING = 600
"""Seconds for a model to load; one that cannot be loaded would be waited for without end."""

BEAT = 0.002
"""Seconds between two looks of the event loop at its watch."""

LATE = 0.01
"""Seconds that it may come late unmentioned: telling takes time too."""

WORDS = ["the", "fox", "said", "to", "a", "small", "cat", "that", "it", "would", "like", "more"]

Json = dict[str, Any]


class Block(NamedTuple):
    """The event loop came back `seconds` late at `when` (time.monotonic). busy: how much of that
    its thread computed; the rest it waited for a core."""

    when: float
    seconds: float
    busy: float


class Answer(NamedTuple):
    """Of one request. status: HTTP's. first: seconds to the first text, or to the refusal. total:
    seconds to its end. text: what was said, or the error's code."""

    status: int
    first: float
    total: float
    text: str


class LiveServer:
    """A server over the home folder `home` whose default model is `model`, ready to answer."""

    def __init__(self, home: Path, model: str, threads: int | None = None) -> None:
        command = [sys.executable, __file__, str(home), model]
        command += [] if threads is None else ["--threads", str(threads)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("http"):
            raise SystemExit("the server did not start; see above")
        self.model = model
        self.address = urlsplit(line.strip()).netloc
        self.blocks: list[Block] = []
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()
        began = time.monotonic()
        while self.get("/ready") != 200:
            if time.monotonic() - began > LOADING:
                self.process.kill()
                raise SystemExit(f"{model} was not ready within {LOADING} s; above may be why")
            time.sleep(0.05)

    def __enter__(self) -> LiveServer:
        return self

    def __exit__(self, *problem: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise SystemExit("the server did not stop within 30 s") from None
        self.listener.join(5)

    def listen(self) -> None:
        """Keep what the server tells of its event loop."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.blocks.append(Block(*map(float, line.split())))

    def connect(self) -> http.client.HTTPConnection:
        """A connection that is kept for many requests."""
        return http.client.HTTPConnection(self.address, timeout=120)

    def get(self, path: str) -> int:
        """The status of a GET on a new connection."""
        connection = self.connect()
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """What `/metrics` says of something that has no labels."""
        connection = self.connect()
        try:
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        finally:
            connection.close()
        [value] = [line.split()[1] for line in lines if line.startswith(f"{name} ")]
        return float(value)

    def memory_mb(self) -> dict[str, float]:
        """RssAnon and VmSwap, in MB, of the server and of all engine workers together."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        engines = [
            child
            for child in children
            if b"miniclaude.engine.worker" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]
        return {"server": anonymous_mb(pid), "engine": sum(map(anonymous_mb, map(int, engines)))}


def anonymous_mb(pid: int) -> float:
    """A process's memory that is no file's, swapped out or not."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return sum(int(fields[name].split()[0]) for name in ("RssAnon", "VmSwap")) / 1024


def ask(
    connection: http.client.HTTPConnection, body: Json, leave_after: int | None = None
) -> Answer:
    """POST /chat/completions. leave_after: hang up once so many pieces of a stream have come."""
    start = time.perf_counter()
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    connection.request("POST", "/chat/completions", json.dumps(body), headers)
    response = connection.getresponse()
    first = time.perf_counter() - start
    if not body.get("stream") or response.status != 200:
        told = json.loads(response.read())
        total = time.perf_counter() - start
        if response.status != 200:
            return Answer(response.status, total, total, str(told["error"]["code"]))
        return Answer(200, total, total, told["choices"][0]["message"]["content"])
    said: list[str] = []
    for line in response:
        if not line.startswith(b"data: {"):
            continue
        chunk = json.loads(line[6:])
        if "error" in chunk:
            said.append(str(chunk["error"]))
            continue
        text = "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])
        if text and not said:
            first = time.perf_counter() - start
        said += [text] if text else []
        if leave_after is not None and len(said) > leave_after:
            connection.close()
            break
    return Answer(response.status, first, time.perf_counter() - start, "".join(said))


def chat(model: str, text: str, tokens: int, *, stream: bool = True) -> Json:
    """A request for an answer of at most so many tokens."""
    messages = [{"role": "user", "content": text}]
    settings: Json = {"max_tokens": tokens, "temperature": 0, "stream": stream}
    return {"model": model, "messages": messages, **settings}


def words(chance: random.Random, count: int) -> str:
    """A text that nobody has asked before."""
    return f"{chance.getrandbits(40)} " + " ".join(chance.choices(WORDS, k=count))


async def watch() -> None:
    """Tell whenever this event loop comes back late."""
    while True:
        before, worked = time.monotonic(), time.thread_time()
        await asyncio.sleep(BEAT)
        now = time.monotonic()
        late = now - before - BEAT
        if late > LATE:
            print(f"{now:.6f} {late:.6f} {time.thread_time() - worked:.6f}", flush=True)


def main() -> None:
    from miniclaude.server.serve import run_server
    from miniclaude.settings import load_settings

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("home", type=Path)
    parser.add_argument("model")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    watching: list[asyncio.Task[None]] = []

    def started(url: str) -> None:
        print(url, flush=True)
        watching.append(asyncio.get_running_loop().create_task(watch()))

    settings = load_settings(given.home, port=0, model=given.model, threads=given.threads)
    run_server(settings, started)


if __name__ == "__main__":
    main()
