"""The fourth part of `serving.py`: what becomes of those who find the server full."""

from __future__ import annotations

import random
import shutil
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from live_server import Answer, LiveServer, ask, chat, words


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

    with ThreadPoolExecutor(8) as pool:
        answers = []
        for number in range(8):
            answers.append(pool.submit(one, number))
            time.sleep(0.02)
        refused = ask_in_vain(server, tokens, ended) if crowd else []
        found = [answer.result() for answer in answers]
    assert all(answer.status == 200 and len(answer.text) for answer in found), found
    return statistics.mean(answer.total for answer in found[:4]), refused


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
    return figures
