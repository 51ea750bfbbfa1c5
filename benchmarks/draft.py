"""A draft model: an answer written alone, with one and without, by how often it is right.

    python benchmarks/draft.py [--answer N] [--guesses N] [--dtype float32|bfloat16] [--threads N]
                               [--repeats N] [--quick]

The model has SmolLM2-360M's shape and random weights; the draft is an eighth of it. `right`: a bias
leaves both one token, so every guess stands: the most there is to gain with a draft of this size.
`wrong`: greedy, and the draft's scores are turned round, so that no guess stands: what a useless
draft costs. `itself`: the model is its own draft, greedy: every guess stands and costs a step.
Prompt lookup is off. Tokens a second of the answer; the sides take turns and the best of each
counts. In float32 both sides must say the same; in bfloat16 two scores may differ in their last
digit. The last line is JSON; a ratio is the speed with the draft over that without.
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
from miniclaude.engine.speculation import Lookup

CASES: dict[str, dict[int, float]] = {"right": {7: 100.0}, "wrong": {}, "itself": {}}


class NoLookup(Lookup):
    """Finds nothing."""

    def propose(self, tokens: object, most: int) -> tuple[int, ...]:
        return ()


def measure(engine: Engine, prompt: list[int], answer: int, case: str) -> tuple[float, list[int]]:
    """Tokens a second after the first, and the answer."""
    sampling = Sampling(answer, temperature=0.0, logit_bias=CASES[case], ignore_eos=True)
    engine.submit(GenerationRequest("a", tuple(prompt), sampling))
    writing = engine.live["a"].writings[0]
    writing.lookup = NoLookup()
    engine.step()
    start = time.perf_counter()
    while not engine.idle:
        engine.step()
    return (answer - 1) / (time.perf_counter() - start), writing.tokens[len(prompt) :]


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
    shape, dtype = TINY if given.quick else SHAPE, getattr(torch, given.dtype)
    model = make_model(shape, dtype)
    small = make_model(
        {**shape, "width": shape["width"] // 3, "heads": shape["kv_heads"], "layers": 4}
        if not given.quick
        else {**shape, "layers": 1},
        dtype,
    )
    chance = random.Random(0)
    prompt = [chance.randrange(model.config.vocab_size) for _ in range(64)]
    limits = EngineLimits(kv_tokens=4096, draft_tokens=given.guesses, prefix_tokens=0)
    speeds: dict[str, dict[str, float]] = {}
    accepted: dict[str, str] = {}
    for case in CASES:
        draft = model if case == "itself" else small
        if case == "wrong":
            with torch.no_grad():
                small.norm.get_parameter("weight").neg_()
        best = speeds[case] = {"plain": 0.0, "draft": 0.0}
        for _ in range(given.repeats):
            said = {}
            for side in best:
                # A new engine each time: what a draft is worth is learnt within one answer.
                other = draft if side == "draft" else None
                engine = Engine(model, NoText(), limits, draft=other)
                speed, said[side] = measure(engine, prompt, given.answer, case)
                best[side] = max(best[side], speed)
            counts = engine.guessing.counts
            accepted[case] = f"{counts['draft_accepted']}/{counts['draft_proposed']}"
            if given.dtype == "float32":
                assert said["plain"] == said["draft"], "the draft changed the answer"
    ratios = {case: round(s["draft"] / s["plain"], 3) for case, s in speeds.items()}
    print(f"{'':8}{'plain tok/s':>14}{'with draft':>12}{'ratio':>8}{'stood':>10}")
    for case, s in speeds.items():
        shown = f"{s['plain']:14.1f}{s['draft']:12.1f}{ratios[case]:8.2f}{accepted[case]:>10}"
        print(f"{case:8}{shown}")
    result = {
        "benchmark": "draft",
        "shape": "quick" if given.quick else "smollm2-360m",
        "dtype": given.dtype,
        "threads": given.threads,
        "guesses": given.guesses,
        "accepted": accepted,
        "ratios": ratios,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
