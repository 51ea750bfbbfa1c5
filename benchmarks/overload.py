"""The fourth part of `serving.py`: what becomes of those who find the server full."""

from __future__ import annotations

import json
import random
import selectors
import shutil
import socket
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

from live_server import Answer, LiveServer, ask, chat, words

PATIENCE = 120
"""Seconds until what never comes is given up."""


def ask_in_vain(server: LiveServer, tokens: int, ended: threading.Event) -> list[Answer]:
    """Ask again and again for something long, up to a hundred times a second."""
    connection = server.connect()
    chance = random.Random(1)
    answers = []
    while not ended.is_set():
        answers.append(ask(connection, chat(server.model, words(chance, 2_000), tokens)))
        time.sleep(0.01)
    connection.close()
    return answers


def until_making(server: LiveServer, count: int, ended: threading.Event) -> None:
    """Wait until the server makes so many answers, unless one has ended meanwhile."""
    began = time.monotonic()
    while server.metric("mini_claude_answers_active") != count and not ended.is_set():
        assert time.monotonic() - began < PATIENCE, f"the server never made {count} answers"
        time.sleep(0.005)


def accepted(server: LiveServer, tokens: int, *, crowd: bool) -> tuple[float, list[Answer]]:
    """Mean seconds of four answers that begin together, with as many waiting behind them, and what
    a crowd is told that asks until the first of them has ended."""
    ended = threading.Event()

    def one(number: int) -> Answer:
        connection = server.connect()
        body = chat(server.model, words(random.Random(f"{crowd} {number}"), 20), tokens)
        # Random weights may end an answer at any time; these go on.
        answer = ask(connection, body | {"logit_bias": {"0": -100, "2": -100}})
        ended.set()
        connection.close()
        return answer

    until_making(server, 0, ended)  # a client hears of an answer's end before it is counted
    with ThreadPoolExecutor(8) as pool:
        answers = []
        for number in range(8):
            answers.append(pool.submit(one, number))
            until_making(server, number + 1, ended)  # else the crowd could take its place
        refused = ask_in_vain(server, tokens, ended) if crowd else []
        found = [answer.result() for answer in answers]
    assert all(answer.status == 200 and len(answer.text) for answer in found), found
    return statistics.mean(answer.total for answer in found[:4]), refused


def request_of(server: LiveServer, number: int) -> bytes:
    """A short chat, as it goes over the wire."""
    body = json.dumps(chat(server.model, words(random.Random(f"burst {number}"), 20), 8)).encode()
    head = (
        f"POST /chat/completions HTTP/1.1\r\nhost: {server.address}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def ask_at_once(server: LiveServer, count: int) -> list[tuple[int, float]]:
    """So many requests at one instant, each over a connection of its own that is open already: the
    status of each and the seconds from that instant to the first of its answer. One thread and no
    library: what the client takes is time that the server lacks."""
    host, port = server.address.split(":")
    requests = [request_of(server, number) for number in range(count)]
    found: list[tuple[int, float]] = []
    sockets = [socket.create_connection((host, int(port)), timeout=120) for _ in range(count)]
    assert server.get("/health") == 200  # by then the server has taken all of them
    with selectors.DefaultSelector() as selector:
        for each in sockets:
            selector.register(each, selectors.EVENT_READ)
        start = time.perf_counter()
        for each, request in zip(sockets, requests, strict=True):
            each.sendall(request)
        while len(found) < count:
            ready = selector.select(120)
            assert ready, f"{count - len(found)} requests were never answered"
            for key, _ in ready:
                each = cast(socket.socket, key.fileobj)
                head = each.recv(65_536)
                found.append((int(head[9:12]), time.perf_counter() - start))
                selector.unregister(each)
    for each in sockets:
        each.close()
    return found


def overload(home: Path, model: str, threads: int, quick: bool) -> dict[str, float]:
    """Refusals by either limit, and the accepted answers beside them."""
    tokens = 60 if quick else 400
    figures: dict[str, float] = {}
    limits = {"queue": (256, 4 * (tokens + 200)), "answers": (8, 262_144)}
    for name, (answers, queued) in limits.items():
        own = home / name
        shutil.copytree(home / "models", own / "models", symlinks=True)
        (own / "config.toml").write_text(
            f"max_answers = {answers}\n[engine]\nmax_running = 4\nmax_queued_tokens = {queued}\n"
        )
        with LiveServer(own, model, threads) as server:
            alone, _ = accepted(server, tokens, crowd=False)
            beside, refused = accepted(server, tokens, crowd=True)
        early = refused[:-1]  # the last may have found a place that had become free
        assert early, "nothing was refused"
        assert {answer.status for answer in early} <= {429, 503}, early
        times = sorted(answer.total for answer in early)
        figures |= {
            f"{name}_refusals": len(times),
            f"{name}_refused_median_ms": statistics.median(times) * 1000,
            f"{name}_refused_ms": times[-1] * 1000,
            f"{name}_accepted_slower": beside / alone,
        }
    figures["refused_ms"] = max(figures[f"{name}_refused_ms"] for name in limits)
    return figures | burst(home, model, threads, 50 if quick else 500)


def burst(home: Path, model: str, threads: int, count: int) -> dict[str, float]:
    """So many at one instant where sixteen have room."""
    own = home / "burst"
    shutil.copytree(home / "models", own / "models", symlinks=True)
    (own / "config.toml").write_text("max_answers = 16\n")
    with LiveServer(own, model, threads) as server:
        ask_at_once(server, count)  # what is only slow once
        found = ask_at_once(server, count)
    times = sorted(seconds for status, seconds in found if status != 200)
    assert {status for status, _ in found} <= {200, 503}, found
    assert len(times) >= count - 16, "more were accepted than have room"
    return {
        "burst_refusals": len(times),
        "burst_refused_median_ms": statistics.median(times) * 1000,
        "burst_refused_ms": times[-1] * 1000,
    }
