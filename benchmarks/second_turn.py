"""The second turn of a conversation against its first: time to the first token.

    python benchmarks/second_turn.py [--prompt N] [--answer N] [--more N] [--threads N]
        [--dtype float32|bfloat16|int8|int4] [--repeats N] [--quick]

The model has SmolLM2-360M's shape and random weights. A conversation begins with a prompt of 512
tokens and an answer of 32; its second turn is all of that and 16 tokens more. Measured is the time
from the request to the first token of its answer, in this order: the first turn; the second, where
the blocks behind the first are free (`in place`); the second while an answer that is being written
occupies them (`copied`); the second with the cache off. Every repeat has conversations of its own,
and the least of each counts. The last line is JSON; `ratio` is the second time over the first.
"""

from __future__ import annotations

import argparse
import json
import random
import time

import torch

from miniclaude.engine.engine import Engine
from miniclaude.engine.fused import FusedModel
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.protocol import PACKED
from miniclaude.engine.request import GenerationRequest, Sampling
from miniclaude.engine.worker import share_cores
from miniclaude.model.config import ModelConfig
from miniclaude.model.packed import Bits
from miniclaude.model.packed_layers import pack_model
from miniclaude.model.transformer import Transformer

SHAPE = {"vocab_size": 49152, "width": 960, "layers": 32, "heads": 15, "kv_heads": 5}
TINY = {"vocab_size": 512, "width": 64, "layers": 2, "heads": 4, "kv_heads": 2}


class NoText:
    """A vocabulary whose tokens have no text: what is measured is the engine."""

    strips_leading_space = False
    eos_ids: tuple[int, ...] = ()

    def token_bytes(self, token_id: int) -> bytes:
        return b"."

    def is_special(self, token_id: int) -> bool:
        return False


def make_model(shape: dict[str, int], dtype: torch.dtype) -> Transformer:
    """Random weights."""
    config = ModelConfig(
        family="llama",
        vocab_size=shape["vocab_size"],
        context=8192,
        width=shape["width"],
        layers=shape["layers"],
        heads=shape["heads"],
        kv_heads=shape["kv_heads"],
        head_dim=shape["width"] // shape["heads"],
        mlp_width=shape["width"] * 8 // 3,
        norm="rmsnorm",
        norm_eps=1e-5,
        activation="silu",
        gated_mlp=True,
        positions="rotary",
    )
    model = Transformer(config)
    model.initialise(torch.Generator().manual_seed(0))
    return model.to(dtype).eval()


def packed(model: Transformer, bits: Bits, threads: int) -> FusedModel:
    """The same in 8 or 4 bits."""
    pack_model(model, bits)
    return FusedModel(model, threads)


class Bench:
    """One engine and the conversations it is asked to go on with."""

    def __init__(self, model: Transformer | FusedModel, *, cache: bool) -> None:
        limits = EngineLimits(kv_tokens=8192, prefix_tokens=None if cache else 0)
        self.engine = Engine(model, NoText(), limits)
        self.names = 0

    def submit(self, prompt: list[int], answer: int) -> str:
        """A greedy request that is written to its end."""
        self.names += 1
        name = str(self.names)
        sampling = Sampling(answer, temperature=0.0, ignore_eos=True)
        self.engine.submit(GenerationRequest(name, tuple(prompt), sampling))
        return name

    def first_token(
        self, prompt: list[int], answer: int, behind: int = 0
    ) -> tuple[float, list[int], int]:
        """Seconds to the first token, all tokens, and how much of the prompt was there already.
        behind: the length of another answer, which begins after this one and lies behind it."""
        start = time.perf_counter()
        name = self.submit(prompt, answer)
        if behind:
            self.submit([1], behind)
        live = self.engine.live[name]
        seconds = 0.0
        tokens = live.writings[0].tokens
        while name in self.engine.live:
            self.engine.step()
            if not seconds and len(tokens) > len(prompt):
                seconds = time.perf_counter() - start
        return seconds, list(tokens), live.job.cached_tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--answer", type=int, default=32)
    parser.add_argument("--more", type=int, default=16)
    parser.add_argument("--dtype", choices=["float32", "bfloat16", *PACKED], default="bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tiny model, to see that it runs")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    bits = PACKED.get(given.dtype)
    dtype = getattr(torch, given.dtype) if bits is None else torch.float32
    made = make_model(TINY if given.quick else SHAPE, dtype)
    model = made if bits is None else packed(made, bits, given.threads)
    share_cores([model], given.threads)
    size = model.config.vocab_size
    chance = random.Random(0)
    cached, off = Bench(model, cache=True), Bench(model, cache=False)
    off.first_token([1] * 40, 2)  # what is only slow once
    times: dict[str, list[float]] = {}
    reused = 0
    for repeat in range(given.repeats):
        prompt = [chance.randrange(size) for _ in range(given.prompt)]
        more = [chance.randrange(size) for _ in range(given.more)]
        seconds, said, _ = cached.first_token(prompt, given.answer)
        times.setdefault("first", []).append(seconds)
        seconds, ours, reused = cached.first_token([*said, *more], 2)
        times.setdefault("in place", []).append(seconds)
        prompt[0] = (prompt[0] + 1 + repeat) % size
        _, other, _ = cached.first_token(prompt, given.answer, behind=given.answer + 20)
        seconds, _, copied = cached.first_token([*other, *more], 2)
        assert copied == reused, "the second conversation found less of itself"
        times.setdefault("copied", []).append(seconds)
        while not cached.engine.idle:
            cached.engine.step()
        seconds, theirs, _ = off.first_token([*said, *more], 2)
        times.setdefault("off", []).append(seconds)
        assert ours[:-2] == theirs[:-2], "the cache changed the prompt"
    best = {name: min(each) * 1000 for name, each in times.items()}
    for name, milliseconds in best.items():
        print(f"{name:10}{milliseconds:10.1f} ms {milliseconds / best['first']:6.3f}")
    result = {
        "benchmark": "second_turn",
        "shape": "quick" if given.quick else "smollm2-360m",
        "dtype": given.dtype,
        "threads": given.threads,
        "prompt": given.prompt,
        "reused": reused,
        "ms": {name: round(value, 2) for name, value in best.items()},
        "ratio": round(best["in place"] / best["first"], 3),
        "ratio_copied": round(best["copied"] / best["first"], 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
