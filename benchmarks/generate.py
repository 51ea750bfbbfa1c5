"""Our engine against others: the same random weights, the same prompts, one run.

    python benchmarks/generate.py [--shape S] [--sides A B ...] [--dtype float32|bfloat16]
        [--threads N] [--repeats N] [--quick] [--gguf FILE --llama-python PYTHON]

The weights are made here, in a temporary folder, in the shape of DialoGPT-medium (24 layers, width
1024) or of SmolLM2-360M (32 layers, width 960; `--quick`: a tiny one). Each side runs in a process
of its own, so that its peak memory is its own, and keeps its model loaded; they take turns,
`--repeats` times, and the best of each figure counts, for on a shared machine only minima repeat.
All are greedy.

    ours, transformers       in `--dtype`; `ours-int8`, `ours-int4`: our engine with packed weights
    llama.cpp                a GGUF file of the same shape, in a Python that has llama-cpp-python;
                             one prompt at a time, and its own random weights

    first token ms     one prompt of 512 tokens, to the first token of the answer
    alone tok/s        tokens a second after that first one
    streams tok/s      16 prompts of 128 tokens at once: tokens a second while all 16 are written
    together tok/s     the same, prompts included: all tokens over the whole time
    peak MB            the process's largest resident size
    share of memory    alone tok/s times the bytes of the weights, over what the memory gives to a
                       plain sum on as many threads: 1 is as fast as reading allows (ours packed)

The last line is JSON; each ratio, of the first side to the last, is above 1 where the first is
better.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, cast

SHAPE_NAMES = ("dialogpt-medium", "smollm2-360m")
SIDES = ("ours", "ours-int8", "ours-int4", "transformers", "llama.cpp")

FIGURES = {
    "first_token_ms": ("first token ms", "less"),
    "alone": ("alone tok/s", "more"),
    "streams": ("streams tok/s", "more"),
    "together": ("together tok/s", "more"),
    "peak_mb": ("peak MB", "less"),
    "share": ("share of memory", "more"),
}


@dataclass(frozen=True)
class Load:
    """What is measured. prompt, stream_prompt, answer, stream_answer: in tokens."""

    vocab_size: int
    prompt: int = 512
    answer: int = 33
    streams: int = 16
    stream_prompt: int = 128
    stream_answer: int = 33

    def prompts(self) -> list[list[int]]:
        """The same random ids on both sides."""
        source = random.Random(0)
        return [
            [source.randrange(self.vocab_size - 1) for _ in range(self.prompt)]
            for _ in range(self.streams)
        ]


@dataclass(frozen=True)
class Run:
    """One measured generation. times: seconds from the start to each moment at which new tokens
    came. counts: how many came then. ids: the first answer."""

    times: list[float]
    counts: list[int]
    ids: list[int]

    def rate(self, streams: int) -> float:
        """Tokens a second over the moments that brought a token to every stream."""
        full = [at for at, count in zip(self.times, self.counts, strict=True) if count == streams]
        return streams * (len(full) - 1) / (full[-1] - full[0])


Generate = Callable[[list[list[int]], int], Run]


class Numerals:
    """A vocabulary whose tokens are written as their numbers, so that text shows the ids."""

    strips_leading_space = False
    eos_ids: tuple[int, ...] = ()

    def token_bytes(self, token_id: int) -> bytes:
        """The number and a space."""
        return f"{token_id} ".encode()

    def is_special(self, token_id: int) -> bool:
        """None is."""
        return False


def ours(folder: Path, dtype: str, threads: int) -> Generate:
    """Our engine, stepped in this process, through detokenising."""
    import torch

    from miniclaude.engine.engine import Engine
    from miniclaude.engine.protocol import PACKED, EngineSpec
    from miniclaude.engine.request import GenerationRequest, Sampling
    from miniclaude.engine.worker import load_fused
    from miniclaude.model.checkpoint import load_model
    from miniclaude.model.packing import read_packing

    if dtype in PACKED:
        is_stored = read_packing(folder) is not None
        spec = EngineSpec(folder, dtype=dtype)
        fused = load_fused(spec, PACKED[dtype], threads, is_stored=is_stored)
        engine = Engine(fused, Numerals())
    else:
        engine = Engine(load_model(folder, dtype=getattr(torch, dtype)), Numerals())

    def generate(prompts: list[list[int]], answer: int) -> Run:
        start = time.perf_counter()
        for number, prompt in enumerate(prompts):
            sampling = Sampling(answer, temperature=0)
            engine.submit(GenerationRequest(str(number), tuple(prompt), sampling))
        times, counts, text = [], [], ""
        while not engine.idle:
            outputs = engine.step()
            times.append(time.perf_counter() - start)
            counts.append(len(outputs))
            text += "".join(output.text for output in outputs if output.id == "0")
        return Run(times, counts, [int(number) for number in text.split()])

    return generate


def transformers(folder: Path, dtype: str) -> Generate:
    """transformers' `generate` with its defaults: a dynamic cache and fused attention."""
    import torch
    from transformers import AutoModelForCausalLM, StoppingCriteria, StoppingCriteriaList

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
    model.eval()

    class Clock(StoppingCriteria):
        """Called after every token; stops nothing."""

        def __init__(self) -> None:
            self.start = time.perf_counter()
            self.times: list[float] = []

        def __call__(self, ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
            self.times.append(time.perf_counter() - self.start)
            return torch.zeros(len(ids), dtype=torch.bool)

    @torch.inference_mode()
    def generate(prompts: list[list[int]], answer: int) -> Run:
        clock = Clock()
        ids = torch.tensor(prompts)
        out = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=answer,
            min_new_tokens=answer,
            do_sample=False,
            pad_token_id=0,
            stopping_criteria=StoppingCriteriaList([clock]),
        )
        return Run(clock.times, [len(prompts)] * answer, out[0, ids.shape[1] :].tolist())

    return generate


def llama_cpp(gguf: str, threads: int) -> Generate:
    """llama.cpp through its Python binding, one prompt at a time."""
    from llama_cpp import Llama  # type: ignore[import-not-found]

    model = Llama(gguf, n_ctx=1024, n_threads=threads, n_threads_batch=threads, verbose=False)

    def generate(prompts: list[list[int]], answer: int) -> Run:
        start, times, ids = time.perf_counter(), [], []
        for token in model.generate(prompts[0], temp=0.0, repeat_penalty=1.0):
            times.append(time.perf_counter() - start)
            ids.append(int(token))
            if len(ids) == answer:
                break
        model.reset()
        model._ctx.kv_cache_clear() if hasattr(model._ctx, "kv_cache_clear") else None
        return Run(times, [1] * answer, ids)

    return generate


def open_side(name: str, arguments: argparse.Namespace) -> Generate:
    """A side's model, loaded."""
    if name == "llama.cpp":
        return llama_cpp(arguments.gguf, arguments.threads)
    import torch

    torch.set_num_threads(arguments.threads)
    kind, _, dtype = name.partition("-")
    folder = Path(arguments.folder)
    if kind == "ours":
        return ours(folder, dtype or arguments.dtype, arguments.threads)
    return transformers(folder, arguments.dtype)


def serve(arguments: argparse.Namespace, load: Load) -> None:
    """A side's process: load, then measure once for every line of input."""
    generate = open_side(arguments.side, arguments)
    prompts = load.prompts()
    generate([prompts[0][:8]], 2)
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        alone = generate(prompts[:1], load.answer)
        figures: dict[str, Any] = {
            "first_token_ms": alone.times[0] * 1000,
            "alone": alone.rate(1),
            "ids": alone.ids,
        }
        if arguments.side != "llama.cpp":
            short = [prompt[: load.stream_prompt] for prompt in prompts]
            streams = generate(short, load.stream_answer)
            figures["streams"] = streams.rate(load.streams)
            figures["together"] = load.streams * load.stream_answer / streams.times[-1]
        figures["peak_mb"] = peak_megabytes()
        print(json.dumps(figures), flush=True)


def peak_megabytes() -> float:
    """The largest resident size of this process. Its `ru_maxrss` would begin with its parent's."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024


def memory_speed(threads: int, times: int = 10) -> float:
    """Bytes a second that a sum of 400 MB reads, at best of `times`."""
    import torch

    torch.set_num_threads(threads)
    numbers = torch.ones(100_000_000)
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        numbers.sum()
        best = min(best, time.perf_counter() - start)
    return numbers.nbytes / best


def packed_bytes(name: str, shape: dict[str, int]) -> float | None:
    """What a packed side reads for each token: every weight, and in int4 the scales of groups."""
    bits = {"ours-int8": 8.0, "ours-int4": 4.25}.get(name)
    if bits is None:
        return None
    if "n_embd" in shape:
        block = 12 * shape["n_embd"] ** 2
        return bits / 8 * (shape["n_layer"] * block + shape["vocab_size"] * shape["n_embd"])
    width = shape["hidden_size"]
    keys = width // shape["num_attention_heads"] * shape["num_key_value_heads"]
    block = 2 * width * (width + keys) + 3 * width * shape["intermediate_size"]
    return bits / 8 * (shape["num_hidden_layers"] * block + shape["vocab_size"] * width)


class Side:
    """A side's process, seen from here."""

    def __init__(self, name: str, folder: Path, arguments: argparse.Namespace, load: Load) -> None:
        self.name = name
        self.best: dict[str, float] = {}
        self.ids: list[int] = []
        python = arguments.llama_python if name == "llama.cpp" else sys.executable
        command = [python, __file__, "--side", name, "--folder", str(folder)]
        command += ["--gguf", arguments.gguf] if arguments.gguf else []
        command += ["--dtype", arguments.dtype, "--threads", str(arguments.threads)]
        self.process = subprocess.Popen(
            [*command, "--load", json.dumps(asdict(load))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
                "TRANSFORMERS_VERBOSITY": "error",
                "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            },
        )
        self.read()

    def read(self) -> dict[str, Any]:
        """The process's next line of JSON; other lines are a library's chatter."""
        for line in cast("IO[str]", self.process.stdout):
            if line.startswith("{"):
                return cast("dict[str, Any]", json.loads(line))
        raise SystemExit(f"{self.name}: the process ended; see above")

    def measure(self) -> None:
        """One turn; keep what is best. The peak is the process's, so the last one counts."""
        request = cast("IO[str]", self.process.stdin)
        request.write("\n")
        request.flush()
        figures = self.read()
        self.ids = figures["ids"]
        for name, (_, better) in FIGURES.items():
            if name not in figures:
                continue
            best = min if better == "less" and name != "peak_mb" else max
            self.best[name] = best(figures[name], self.best.get(name, figures[name]))

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=list(SHAPE_NAMES), default=SHAPE_NAMES[0])
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=["ours", "transformers"])
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tiny model, to see that it runs")
    parser.add_argument("--gguf", help="the file that the side llama.cpp loads")
    parser.add_argument("--llama-python", help="a Python that has llama-cpp-python")
    for internal in ("--side", "--folder", "--load"):
        parser.add_argument(internal, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if "llama.cpp" in arguments.sides and not (arguments.gguf and arguments.llama_python):
        parser.error("the side llama.cpp needs --gguf and --llama-python")
    if arguments.side:
        serve(arguments, Load(**json.loads(arguments.load)))
        return
    compare(arguments)


def compare(arguments: argparse.Namespace) -> None:
    """Run all sides in turns and print the table and the JSON line."""
    from random_checkpoint import SHAPES, make_checkpoint

    name = "quick" if arguments.quick else arguments.shape
    shape = SHAPES[name]
    load = Load(shape["vocab_size"])
    if arguments.quick:
        load = Load(shape["vocab_size"], 64, 9, streams=4, stream_prompt=16, stream_answer=9)
    with tempfile.TemporaryDirectory(prefix="generate-") as folder:
        make_checkpoint(Path(folder), shape, arguments.dtype)
        sides = [Side(side, Path(folder), arguments, load) for side in arguments.sides]
        for _ in range(arguments.repeats):
            for side in sides:
                side.measure()
        for side in sides:
            side.close()
    speed = memory_speed(arguments.threads)
    for side in sides:
        size = packed_bytes(side.name, shape)
        if size is not None:
            side.best["share"] = side.best["alone"] * size / speed
    first, last = sides[0].best, sides[-1].best
    print(f"{'':16}" + "".join(f"{side.name:>14}" for side in sides) + f"{'ratio':>8}")
    ratios = {}
    for figure, (label, better) in FIGURES.items():
        digits = 2 if figure == "share" else 1
        cells = [
            f"{side.best[figure]:14.{digits}f}" if figure in side.best else f"{'-':>14}"
            for side in sides
        ]
        if figure in first and figure in last:
            ratio = first[figure] / last[figure]
            ratios[figure] = round(ratio if better == "more" else 1 / ratio, 3)
            cells.append(f"{ratios[figure]:8.2f}")
        print(f"{label:16}" + "".join(cells))
    result = {
        "benchmark": "generate",
        "shape": name,
        "dtype": arguments.dtype,
        "threads": arguments.threads,
        "memory_gb_s": round(speed / 1e9, 1),
        **{side.name: {k: round(v, 5) for k, v in side.best.items()} for side in sides},
        "ratios": ratios,
        "same_answer": sides[0].ids == sides[-1].ids,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
