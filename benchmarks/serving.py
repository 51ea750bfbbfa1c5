"""The server itself: its memory, what it adds to a first token, its event loop, and overload.

    python benchmarks/serving.py [--parts memory overhead loop overload] [--threads N] [--quick]
        [--model mini-claude-11m|random-320m] [--dtype int4]

Each part has a server of its own, a real one in a process of its own. Linux only.

    memory    10,000 short requests, sixteen at once: streamed, whole and hung up on, each with a
              prompt of its own. Anonymous memory, swapped out or not, of server and engine after
              2,000 and at the end. Goal: together at most 20 MB more. `--model` and `--dtype` say
              of which model; the larger one is SmolLM2-360M's shape, its vocabulary small.
    overhead  the first text of a streamed chat over HTTP, tokenising included, minus the first
              token of the same prompt in an engine that is stepped by hand; turn by turn, medians.
              Each engine has one thread, for PyTorch's wait for work on their core, and two
              engines' would be in each other's way. Goal: at most 5 ms.
    loop      the longest time that the server's event loop was away while a prompt of 4,000 tokens
              was read by a model of 35 million parameters, by a watch within it, 0 for less than
              10 ms; how much of that it computed; and the slowest answer of /health meanwhile.
              Goal: at most 50 ms.
    overload  four slots taken and a full queue: how long a refusal takes, the slowest of all, by
              the engine's queue and by the server's count of answers; and how long the accepted
              ones take, beside as many without the crowd. Then 500 requests at one instant where
              16 have room, and the slowest refusal of those. Goal: refusals below 100 ms.

The last line is JSON; each ratio is above 1 where the goal is met with room to spare.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from live_server import LiveServer, ask, chat, words
from overload import overload
from random_checkpoint import SHAPES, make_checkpoint

from miniclaude.engine.connection import limit_products
from miniclaude.engine.engine import Engine
from miniclaude.engine.protocol import EngineSpec
from miniclaude.engine.request import GenerationRequest, Sampling
from miniclaude.engine.worker import load
from miniclaude.messages import text_message
from miniclaude.tokenizer.chat_template import encode_chat
from miniclaude.tokenizer.load import load_tokenizer

BUNDLED, LONG, LARGE = "mini-claude-11m", "random-35m", "random-320m"
FOLDER = Path(__file__).resolve().parents[1] / "miniclaude" / "bundled" / BUNDLED
LONG_SHAPE = {
    "hidden_size": 512, "num_hidden_layers": 12, "num_attention_heads": 8,
    "num_key_value_heads": 4, "intermediate_size": 1408, "max_position_embeddings": 8192,
    "vocab_size": 6144,  # the tokenizer's
}  # fmt: skip
LARGE_SHAPE = SHAPES["smollm2-360m"] | {"vocab_size": 6144}
GOALS = {
    "memory_mb": 20.0, "overhead_ms": 5.0, "loop_ms": 50.0,
    "refused_ms": 100.0, "burst_refused_ms": 100.0,
}  # fmt: skip
AT_ONCE = 16
Figures = dict[str, float]


def make_model(folder: Path, shape: dict[str, int]) -> None:
    """Random weights and the bundled model's tokenizer."""
    folder.mkdir(parents=True)
    make_checkpoint(folder, shape, "bfloat16")
    for path in FOLDER.iterdir():
        if "token" in path.name or "template" in path.name:
            shutil.copy(path, folder)


def memory(home: Path, threads: int, quick: bool, model: str) -> Figures:
    """Growth from the first fifth of the requests to the last."""
    total = 60 if quick else 10_000
    seen: Counter[str] = Counter()

    def some(numbers: range) -> None:
        connection = server.connect()
        for number in numbers:
            chance = random.Random(number)
            body = chat(
                server.model, words(chance, chance.randrange(1, 60)), 8, stream=number % 3 != 1
            )
            answer = ask(connection, body, leave_after=2 if number % 3 == 2 else None)
            seen["answered" if answer.status == 200 else f"{answer.status} {answer.text}"] += 1
        connection.close()

    with LiveServer(home, model, threads) as server, ThreadPoolExecutor(AT_ONCE) as pool:

        def after(first: int, last: int) -> dict[str, float]:
            list(pool.map(some, [range(first + start, last, AT_ONCE) for start in range(AT_ONCE)]))
            time.sleep(0.0 if quick else 2.0)  # what was hung up on ends
            return server.memory_mb()

        start = time.perf_counter()
        early = after(0, total // 5)
        print(f"after {total // 5:6}: {early}", flush=True)
        late = after(total // 5, total)
        print(f"after {total:6}: {late}", flush=True)
        rate = total / (time.perf_counter() - start)
    assert seen == {"answered": total}, seen
    return {
        "requests": total,
        "requests_a_second": rate,
        **{f"{name}_mb": mb for name, mb in late.items()},
        **{f"{name}_growth_mb": late[name] - early[name] for name in late},
        "memory_mb": sum(late.values()) - sum(early.values()),
    }


def engine_first(engine: Engine, prompt: list[int]) -> float:
    """Seconds from a request to its first token."""
    start = time.perf_counter()
    engine.submit(GenerationRequest("a", tuple(prompt), Sampling(1, temperature=0.0)))
    while not engine.step():
        pass
    return time.perf_counter() - start


def overhead(home: Path, threads: int, quick: bool) -> Figures:
    """The two sides by turns, each prompt once on each."""
    limit_products()  # as the server's worker has it
    engine, _ = load(EngineSpec(FOLDER, threads=1))
    tokenizer = load_tokenizer(FOLDER)
    ours, theirs = [], []
    with LiveServer(home, BUNDLED, 1) as server:
        connection = server.connect()
        for number in range(5 if quick else 200):
            text = words(random.Random(number), 60)
            ours.append(engine_first(engine, encode_chat(tokenizer, [text_message("user", text)])))
            theirs.append(ask(connection, chat(server.model, text, 1)).first)
        connection.close()
    ours, theirs = ours[2:], theirs[2:]  # what is only slow once
    medians = statistics.median(ours), statistics.median(theirs)
    return {
        "engine_ms": medians[0] * 1000,
        "http_ms": medians[1] * 1000,
        "overhead_ms": (medians[1] - medians[0]) * 1000,
        "overhead_least_ms": (min(theirs) - min(ours)) * 1000,
    }


def loop(home: Path, threads: int, quick: bool) -> Figures:
    """The worst of a few long prompts."""
    health: list[float] = []
    done = threading.Event()

    def poll() -> None:
        connection = server.connect()
        while not done.is_set():
            start = time.perf_counter()
            connection.request("GET", "/health")
            connection.getresponse().read()
            health.append(time.perf_counter() - start)
            time.sleep(0.005)
        connection.close()

    with LiveServer(home, LONG, threads) as server:
        connection = server.connect()
        ask(connection, chat(server.model, "hello", 2))
        begun = time.monotonic()
        poller = threading.Thread(target=poll)
        poller.start()
        chance = random.Random(0)
        answers = [
            ask(connection, chat(server.model, words(chance, 300 if quick else 3_960), 2))
            for _ in range(1 if quick else 3)
        ]
        done.set()
        poller.join()
        time.sleep(0.1)
        blocks = [block for block in server.blocks if block.when > begun]
        connection.close()
    assert all(answer.status == 200 for answer in answers), answers
    return {
        "first_token_ms": min(answer.first for answer in answers) * 1000,
        "loop_ms": max((block.seconds for block in blocks), default=0.0) * 1000,
        "loop_busy_ms": max((block.busy for block in blocks), default=0.0) * 1000,
        "health_ms": max(health) * 1000,
    }


PARTS: dict[str, Callable[[Path, int, bool, str], Figures]] = {
    "memory": memory,
    "overhead": lambda home, threads, quick, _: overhead(home, threads, quick),
    "loop": lambda home, threads, quick, _: loop(home, threads, quick),
    "overload": lambda home, threads, quick, _: overload(home, LONG, threads, quick),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a moment each, to see that it runs")
    parser.add_argument("--model", choices=[BUNDLED, LARGE], default=BUNDLED)
    parser.add_argument("--dtype")
    given = parser.parse_args()
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="serving-") as name:
        home = Path(name)
        make_model(home / "models" / LONG, LONG_SHAPE)
        if given.model == LARGE:
            make_model(home / "models" / LARGE, LARGE_SHAPE)
        if given.dtype is not None:
            (home / "config.toml").write_text(f"dtype = {json.dumps(given.dtype)}\n")
        for part in given.parts:
            print(part)
            found = PARTS[part](home, given.threads, given.quick, given.model)
            for figure, value in found.items():
                print(f"    {figure:28}{value:12.2f}", flush=True)
            figures |= found
    ratios = {goal: most / figures[goal] for goal, most in GOALS.items() if figures.get(goal)}
    rounded = {figure: round(value, 2) for figure, value in figures.items()}
    result = {"benchmark": "serving", "threads": given.threads, **rounded}
    print(json.dumps({**result, "ratios": {goal: round(r, 2) for goal, r in ratios.items()}}))


if __name__ == "__main__":
    main()
