"""Prompt lookup: an answer written alone, with guesses and without, by how well it can be guessed.

    python benchmarks/lookup.py [--answer N] [--guesses N] [--dtype float32|bfloat16] [--threads N]
                                [--repeats N] [--quick]

The model has SmolLM2-360M's shape and random weights, so what it says is decided here, by a bias on
few tokens: `sure` can say one token only and every guess stands, the most there is to gain; `even`
draws from four, where one guess in four stands; `free` draws from all, and there is nothing to look
up. Tokens a second of the answer; the sides take turns and the best of each counts. The answers of
both sides must be the same in float32; in bfloat16 two scores may differ in their last digit. The
last line is JSON; a ratio is the speed with guesses over that without.
"""

from __future__ import annotations

import argparse
import json
import random
import time

import torch
from second_turn import SHAPE, TINY, NoText, make_model

from miniclaude.engine.engine import Engine
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.request import GenerationRequest, Sampling

CASES: dict[str, dict[int, float]] = {
    "sure": {7: 100.0},
    "even": dict.fromkeys((7, 8, 9, 10), 100.0),
    "free": {},
}


def measure(engine: Engine, prompt: list[int], answer: int, case: str) -> tuple[float, list[int]]:
    """Tokens a second after the first, and the answer."""
    sampling = Sampling(answer, logit_bias=CASES[case], seed=1, ignore_eos=True)
    engine.submit(GenerationRequest("a", tuple(prompt), sampling))
    tokens = engine.live["a"].writings[0].tokens
    engine.step()
    start = time.perf_counter()
    while not engine.idle:
        engine.step()
    return (answer - 1) / (time.perf_counter() - start), tokens[len(prompt) :]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--answer", type=int, default=64)
    parser.add_argument("--guesses", type=int, default=EngineLimits().draft_tokens)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tiny model, to see that it runs")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    model = make_model(TINY if given.quick else SHAPE, getattr(torch, given.dtype))
    chance = random.Random(0)
    prompt = [chance.randrange(model.config.vocab_size) for _ in range(64)]
    engines = {
        side: Engine(model, NoText(), EngineLimits(kv_tokens=4096, draft_tokens=guesses))
        for side, guesses in (("plain", 0), ("guessing", given.guesses))
    }
    best: dict[str, dict[str, float]] = {case: dict.fromkeys(engines, 0.0) for case in CASES}
    for _ in range(given.repeats):
        for case, speeds in best.items():
            said = {}
            for side, engine in engines.items():
                speed, said[side] = measure(engine, prompt, given.answer, case)
                speeds[side] = max(speeds[side], speed)
            if given.dtype == "float32":
                assert said["plain"] == said["guessing"], "guessing changed the answer"
    ratios = {case: round(s["guessing"] / s["plain"], 3) for case, s in best.items()}
    print(f"{'':8}{'plain tok/s':>14}{'guessing':>12}{'ratio':>8}")
    for case, speeds in best.items():
        print(f"{case:8}{speeds['plain']:14.1f}{speeds['guessing']:12.1f}{ratios[case]:8.2f}")
    result = {
        "benchmark": "lookup",
        "shape": "quick" if given.quick else "smollm2-360m",
        "dtype": given.dtype,
        "threads": given.threads,
        "guesses": given.guesses,
        "tokens_per_second": {
            case: {side: round(speed, 1) for side, speed in speeds.items()}
            for case, speeds in best.items()
        },
        "ratios": ratios,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
