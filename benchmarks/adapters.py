"""Eight adapters in one batch of sixteen against one adapter, on one base in one engine.

    python benchmarks/adapters.py [--rank N] [--streams N] [--prompt N] [--answer N]
        [--dtype float32|bfloat16|int8|int4] [--threads N] [--repeats N] [--quick]

The model has SmolLM2-360M's shape, the adapters change every linear layer; all weights are random.
Sixteen answers are written at once: by the base alone, by one adapter, by two, by eight (two
answers each). `streams tok/s` is the fastest step in which all sixteen are written, for on a shared
machine only minima repeat; `together tok/s` is everything, prompts too. The sides take turns, and
the best of each counts. The last line is JSON; a ratio is the speed of eight over that of one.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import torch
from second_turn import SHAPE, TINY, NoText, make_model, packed

from miniclaude.engine.engine import Engine
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.protocol import PACKED
from miniclaude.engine.request import AdapterRef, GenerationRequest, Sampling
from miniclaude.engine.worker import share_cores
from miniclaude.model.adapter import save_adapter
from miniclaude.model.lora import LoraConfig, add_lora, lora_parameters, remove_adapter
from miniclaude.model.transformer import Transformer

SIDES = {"base": 0, "one": 1, "two": 2, "eight": 8}


def write_adapters(model: Transformer, folder: Path, rank: int, count: int) -> list[AdapterRef]:
    """Adapters by chance, small enough for the model to stay within its numbers."""
    add_lora(model, LoraConfig(r=rank))
    generator = torch.Generator().manual_seed(0)
    made = []
    for number in range(count):
        with torch.no_grad():
            for _, parameter in lora_parameters(model):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / 100)
        save_adapter(model, folder / str(number), base="shape")
        made.append(AdapterRef(str(folder / str(number))))
    remove_adapter(model)
    return made


def measure(
    engine: Engine, prompts: list[list[int]], adapters: list[AdapterRef], answer: int
) -> tuple[float, float]:
    """Tokens a second in the fastest step that writes all, and of everything."""
    sampling = Sampling(answer, temperature=0.0, ignore_eos=True)
    start = time.perf_counter()
    for number, prompt in enumerate(prompts):
        adapter = adapters[number % len(adapters)] if adapters else None
        name = str(number)
        engine.submit(GenerationRequest(name, tuple(prompt), sampling, adapter=adapter))
    times = []
    while not engine.idle:
        engine.step()
        counts = {
            writing.draws.count
            for live in engine.live.values()
            for writing in live.writings.values()
        }
        if len(engine.live) == len(prompts) and 0 not in counts:
            times.append(time.perf_counter())
    total = time.perf_counter() - start
    streams = len(prompts) / min(after - before for before, after in pairwise(times))
    return streams, len(prompts) * answer / total


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--prompt", type=int, default=32)
    parser.add_argument("--answer", type=int, default=33)
    parser.add_argument("--dtype", choices=["float32", "bfloat16", *PACKED], default="bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tiny model, to see that it runs")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    bits = PACKED.get(given.dtype)
    dtype = getattr(torch, given.dtype) if bits is None else torch.float32
    model = make_model(TINY if given.quick else SHAPE, dtype)
    chance = random.Random(0)
    prompts = [
        [chance.randrange(model.config.vocab_size) for _ in range(given.prompt)]
        for _ in range(given.streams)
    ]
    best: dict[str, list[float]] = {side: [0.0, 0.0] for side in SIDES}
    with tempfile.TemporaryDirectory(prefix="adapters-") as name:
        adapters = write_adapters(model, Path(name), given.rank, max(SIDES.values()))
        served = model if bits is None else packed(model, bits, given.threads)
        share_cores([served], given.threads)
        engine = Engine(served, NoText(), EngineLimits(kv_tokens=4096, prefix_tokens=0))
        loading = []
        for adapter in adapters:
            start = time.perf_counter()
            engine.adapters.hold(adapter)
            loading.append(time.perf_counter() - start)
        for _ in range(given.repeats):
            for side, count in SIDES.items():
                figures = measure(engine, prompts, adapters[:count], given.answer)
                best[side] = [max(pair) for pair in zip(best[side], figures, strict=True)]
    print(f"{'':8}{'streams tok/s':>16}{'together tok/s':>16}")
    for side, (streams, together) in best.items():
        print(f"{side:8}{streams:16.1f}{together:16.1f}")
    result = {
        "benchmark": "adapters",
        "shape": "quick" if given.quick else "smollm2-360m",
        "dtype": given.dtype,
        "rank": given.rank,
        "threads": given.threads,
        "load_ms": round(min(loading) * 1000, 1),
        "streams": {side: round(figures[0], 1) for side, figures in best.items()},
        "together": {side: round(figures[1], 1) for side, figures in best.items()},
        "ratio_streams": round(best["eight"][0] / best["one"][0], 3),
        "ratio_together": round(best["eight"][1] / best["one"][1], 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
