"""The bundled model by itself: how soon it is there, how soon it answers, how fast it writes.

    python benchmarks/bundled.py [--dtypes float32 int8 int4] [--threads N] [--repeats N]
                                 [--answer N]

Each number format has a process of its own. `load` is what the engine's worker does from its start
(weights, tokenizer, key/value cache), with Python and PyTorch imported already. The first token is
that of "Tell me a short story about a cat." in the model's own chat format, of repeats the least;
what is written after it is greedy and does not end by itself. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

QUESTION = "Tell me a short story about a cat."


def measure(dtype: str, threads: int, repeats: int, answer: int) -> dict[str, Any]:
    """One number format, in this process."""
    from miniclaude.engine.limits import EngineLimits
    from miniclaude.engine.protocol import EngineSpec
    from miniclaude.engine.request import GenerationRequest, Sampling
    from miniclaude.engine.worker import load
    from miniclaude.messages import text_message
    from miniclaude.model.library import Library, bundled_models
    from miniclaude.tokenizer.chat_template import encode_chat
    from miniclaude.tokenizer.load import load_tokenizer

    [model] = Library(Path("nowhere"), bundled_models()).list()
    began = time.perf_counter()
    limits = EngineLimits(prefix_tokens=0)
    engine, info = load(EngineSpec(model.path, dtype=dtype, threads=threads, limits=limits))
    loaded = time.perf_counter() - began
    prompt = tuple(encode_chat(load_tokenizer(model.path), [text_message("user", QUESTION)]))
    first: list[float] = []
    rate: list[float] = []
    for number in range(repeats + 1):
        name = str(number)
        began = time.perf_counter()
        sampling = Sampling(answer, temperature=0.0, ignore_eos=True)
        engine.submit(GenerationRequest(name, prompt, sampling))
        tokens = engine.live[name].writings[0].tokens
        at_first = 0.0
        while name in engine.live:
            engine.step()
            if not at_first and len(tokens) > len(prompt):
                at_first = time.perf_counter()
        written = time.perf_counter() - at_first
        first.append(at_first - began)
        rate.append((len(tokens) - len(prompt) - 1) / written)
    return {
        "dtype": info.dtype,
        "threads": info.threads,
        "prompt": len(prompt),
        "load_s": round(loaded, 3),
        "very_first_token_ms": round(1000 * first[0], 1),
        "first_token_ms": round(1000 * min(first[1:]), 1),
        "tok_s": round(max(rate[1:]), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dtypes", nargs="+", default=["float32", "int8", "int4"])
    parser.add_argument("--threads", type=int, default=0, help="0: the machine's physical cores")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--answer", type=int, default=200)
    parser.add_argument("--here", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.here:
        print(json.dumps(measure(given.here, given.threads, given.repeats, given.answer)))
        return
    rows = []
    for dtype in given.dtypes:
        began = time.perf_counter()
        numbers = [f"--{name}={getattr(given, name)}" for name in ("threads", "repeats", "answer")]
        command = [sys.executable, __file__, "--here", dtype, *numbers]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        row = json.loads(done.stdout.splitlines()[-1])
        row["process_s"] = round(time.perf_counter() - began, 2)
        rows.append(row)
        print(
            f"{row['dtype']:9} load {row['load_s']:6.3f} s   first token"
            f" {row['very_first_token_ms']:7.1f} ms at first, then {row['first_token_ms']:6.1f} ms"
            f"   {row['tok_s']:7.1f} tok/s"
        )
    print(json.dumps({"benchmark": "bundled", "rows": rows}))


if __name__ == "__main__":
    main()
