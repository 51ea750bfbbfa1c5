"""The engine on one GPU, in bfloat16, against what the GPU's memory and arithmetic can give.

    python benchmarks/gpu.py [--shapes S ...] [--streams N ...] [--seconds X] [--prompt N]
                             [--limit X] [--quick]

Random weights in the shapes of SmolLM2-360M and Llama-3.2-1B; nothing is guessed ahead, no prefix
is shared, greedy. Each stream has a prompt of `--prompt` tokens; measured is the time that all of
them grow by one token, with CUDA graphs and without.

    tok/s              tokens a second of all streams together, drawing and detokenizing included
    share of memory    bytes of the weights and of the keys and values that a step reads, over its
                       time, over what a copy in the GPU's memory moves: 1 is as fast as it allows
    replay ms          a captured step by itself: what is left is the engine's own work
    prefill            a prompt of 2,048 tokens, in steps of 2,048 and of 512: its arithmetic over
                       its time, over that of a product of two matrices of 8192 × 8192

One line of JSON a figure, as soon as it is there; then a table. A figure that fails says why and
does not keep others from being taken; none is begun after `--limit` seconds. `--quick` takes a tiny
shape, on the CPU where there is no GPU, to see that it runs.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from typing import Any

import torch

from miniclaude.engine.decode import SIZES, Decoder
from miniclaude.engine.engine import Engine
from miniclaude.engine.limits import EngineLimits
from miniclaude.engine.machine import token_bytes
from miniclaude.engine.request import GenerationRequest, Sampling
from miniclaude.model.config import ModelConfig
from miniclaude.model.paged_attention import can_page
from miniclaude.model.transformer import Transformer

SHAPES: dict[str, dict[str, Any]] = {
    "smollm2-360m": {
        "vocab_size": 49152, "width": 960, "layers": 32, "heads": 15, "kv_heads": 5,
        "mlp_width": 2560,
    },
    "llama-3.2-1b": {
        "vocab_size": 128256, "width": 2048, "layers": 16, "heads": 32, "kv_heads": 8,
        "mlp_width": 8192,
    },
    "quick": {
        "vocab_size": 512, "width": 64, "layers": 2, "heads": 4, "kv_heads": 2, "mlp_width": 192,
    },
}  # fmt: skip
CONTEXT = 4096
PREFILL = 2048
WARM_STEPS = 4
Figure = dict[str, Any]


class NoText:
    """A vocabulary whose tokens have no text: what is measured is the engine."""

    strips_leading_space = False
    eos_ids: tuple[int, ...] = ()

    def token_bytes(self, token_id: int) -> bytes:
        return b"."

    def is_special(self, token_id: int) -> bool:
        return False


def weights_of(engine: Engine) -> Transformer:
    """The model that an engine steps; packed ones are not made here."""
    assert isinstance(engine.model, Transformer)
    return engine.model


class Bench:
    """What is measured on one device. figures: all that was found so far."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given, self.start = given, time.perf_counter()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.figures: list[Figure] = []
        self.bandwidth = self.flops = float("nan")

    def sync(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def best(self, work: Callable[[], object], repeats: int = 5) -> float:
        """The least seconds of some runs, after one that does not count."""
        times = []
        for _ in range(repeats + 1):
            self.sync()
            begun = time.perf_counter()
            work()
            self.sync()
            times.append(time.perf_counter() - begun)
        return min(times[1:])

    def take(self, name: str, measure: Callable[[], Figure]) -> None:
        """Print a figure, or why there is none."""
        begun = time.perf_counter()
        if begun - self.start > self.given.limit:
            figure: Figure = {"skipped": f"{self.given.limit} s are over"}
        else:
            try:
                figure = measure()
            except Exception as error:  # the other figures are still wanted
                figure = {"failed": f"{type(error).__name__}: {error}"[:400]}
        figure = {"figure": name, **figure, "took_s": round(time.perf_counter() - begun, 2)}
        self.figures.append(figure)
        print(json.dumps(figure), flush=True)

    def limits_of_the_device(self) -> Figure:
        """Bytes a second of a copy, read and written; bfloat16 operations a second."""
        large = self.device.type == "cuda"
        source = torch.zeros(1 << (30 if large else 24), dtype=torch.uint8, device=self.device)
        target = torch.empty_like(source)
        self.bandwidth = 2 * source.nbytes / self.best(lambda: target.copy_(source))
        size = 8192 if large else 256
        a, b = torch.randn(2, size, size, device=self.device, dtype=torch.bfloat16)
        self.flops = 2 * size**3 / self.best(lambda: a @ b)
        return {
            "device": torch.cuda.get_device_name() if large else "cpu",
            "torch": torch.__version__,
            "triton": can_page(self.device, torch.bfloat16),
            "copy_gb_s": round(self.bandwidth / 1e9),
            "matmul_tflops": round(self.flops / 1e12, 1),
        }

    def shape(self, name: str) -> None:
        """All figures of one shape."""
        engines: list[Engine] = []

        def load() -> Figure:
            engines.append(self.engine(name))
            parameters = sum(p.numel() for p in weights_of(engines[0]).parameters())
            return {"parameters": parameters, "kv_tokens": engines[0].kv_tokens}

        self.take(f"{name} load", load)
        if not engines:
            return
        engine = engines[0]
        decoder = engine.decoder
        for streams in self.given.streams:
            for way, used in (("graphs", decoder), ("eager", None)):
                if used is not None or way == "eager":
                    self.take(
                        f"{name} decode {streams} {way}",
                        lambda used=used, streams=streams: self.decode(engine, used, streams),  # type: ignore[misc]
                    )
        for chunk in (PREFILL, 512):
            self.take(f"{name} prefill {chunk}", lambda chunk=chunk: self.prefill(engine, chunk))  # type: ignore[misc]

    def engine(self, name: str) -> Engine:
        """Random weights of a shape, made on the device."""
        shape = SHAPES[name]
        config = ModelConfig(
            family="llama", context=CONTEXT, head_dim=shape["width"] // shape["heads"],
            norm="rmsnorm", norm_eps=1e-5, activation="silu", gated_mlp=True, positions="rotary",
            **shape,
        )  # fmt: skip
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.bfloat16)
        try:
            with self.device:
                model = Transformer(config)
        finally:
            torch.set_default_dtype(before)
        model.initialise()
        limits = EngineLimits(
            kv_tokens=max(self.given.streams) * 2 * self.given.prompt + PREFILL + 64,
            step_tokens=PREFILL, prefix_tokens=0, draft_tokens=0,
            max_running=max(SIZES[-1], *self.given.streams),
        )  # fmt: skip
        engine = Engine(model.eval(), NoText(), limits)
        if self.given.quick and engine.decoder is None:
            engine.decoder = Decoder(model, engine.cache, CONTEXT, graphs=False)
        return engine

    def submit(self, engine: Engine, name: str, prompt: int, answer: int) -> None:
        chance = random.Random(name)
        tokens = [chance.randrange(engine.model.config.vocab_size) for _ in range(prompt)]
        sampling = Sampling(answer, temperature=0.0, ignore_eos=True)
        engine.submit(GenerationRequest(name, tuple(tokens), sampling))

    def decode(self, engine: Engine, decoder: Decoder | None, streams: int) -> Figure:
        """Tokens a second of that many streams, and the share of the memory's speed."""
        engine.decoder = decoder
        prompt, names = self.given.prompt, [str(number) for number in range(streams)]
        for name in names:
            self.submit(engine, name, prompt, prompt)
        try:
            while not all(job.prefilled for job in engine.scheduler.running):
                engine.step()
            for _ in range(WARM_STEPS):
                engine.step()
            length = sum(
                w.draws.count for name in names for w in engine.live[name].writings.values()
            )
            times: list[float] = []
            begun = time.perf_counter()
            while sum(times) < self.given.seconds and len(engine.live) == streams:
                engine.step()
                now = time.perf_counter()
                times.append(now - begun)
                begun = now
            times = times[:-1] or times  # the last may have ended them
            figure: Figure = {"streams": streams, "steps": len(times)}
            if decoder is not None and decoder.graphs:
                rows = next(size for size in SIZES if size >= streams)
                step = next(step for key, step in decoder.steps.items() if key[0] == rows)
                figure["replay_ms"] = round(1e3 * self.best(step, 20), 3)
        finally:
            for name in names:
                engine.cancel(name)
            engine.step()
        seconds = sum(times) / len(times)
        config = engine.model.config
        read = sum(p.nbytes for p in weights_of(engine).parameters())
        seen = streams * prompt + length + streams * len(times) / 2
        read += int(seen * token_bytes(config, torch.bfloat16))
        return figure | {
            "tok_s": round(streams / seconds, 1),
            "step_ms": round(1e3 * seconds, 3),
            "median_ms": round(1e3 * sorted(times)[len(times) // 2], 3),
            "share_of_memory": round(read / seconds / self.bandwidth, 3),
        }

    def prefill(self, engine: Engine, chunk: int) -> Figure:
        """A prompt to its first token, and the share of the arithmetic's speed."""
        config = engine.model.config
        limits = EngineLimits(kv_tokens=PREFILL + 64, step_tokens=chunk, prefix_tokens=0)
        plain = Engine(engine.model, NoText(), limits)
        plain.decoder = None

        def once() -> None:
            self.submit(plain, "a", PREFILL, 1)
            while not plain.idle:
                plain.step()

        seconds = self.best(once, 3)
        blocks = sum(p.numel() for p in weights_of(engine).blocks.parameters())
        # Two operations a weight and token; scores and mixing, half of each for being causal.
        work = 2 * blocks * PREFILL
        work += 2 * PREFILL**2 * config.heads * config.head_dim * config.layers
        return {
            "tok_s": round(PREFILL / seconds),
            "ms": round(1e3 * seconds, 2),
            "share_of_matmul": round(work / seconds / self.flops, 3),
        }

    def table(self) -> None:
        """All figures, for eyes."""
        print(f"\n{'':34}{'tok/s':>12}{'step ms':>10}{'replay':>10}{'share':>8}")
        for figure in self.figures:
            if "tok_s" not in figure:
                continue
            share = figure.get("share_of_memory", figure.get("share_of_matmul"))
            step = figure.get("median_ms", figure.get("ms"))
            replay = figure.get("replay_ms", "")
            print(f"{figure['figure']:34}{figure['tok_s']:>12,}{step:>10}{replay:>10}{share:>8}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shapes", nargs="+", choices=sorted(SHAPES), default=None)
    parser.add_argument("--streams", nargs="+", type=int, default=[1, 16, 64])
    parser.add_argument("--seconds", type=float, default=0.7, help="of each measured decode")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--limit", type=float, default=50.0, help="seconds of the whole")
    parser.add_argument("--quick", action="store_true", help="a tiny shape, to see that it runs")
    given = parser.parse_args()
    if not torch.cuda.is_available() and not given.quick:
        raise SystemExit("There is no CUDA device here. `--quick` runs a tiny shape on the CPU.")
    bench = Bench(given)
    bench.take("device", bench.limits_of_the_device)
    for name in given.shapes or (["quick"] if given.quick else ["smollm2-360m", "llama-3.2-1b"]):
        bench.shape(name)
    bench.table()


if __name__ == "__main__":
    main()
