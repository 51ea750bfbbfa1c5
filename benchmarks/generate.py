"""Our engine against transformers' `generate`: the same random weights, the same prompts, one run.

    python benchmarks/generate.py [--dtype float32|bfloat16] [--threads N] [--repeats N] [--quick]

The weights are made here, in a temporary folder, in the shape of DialoGPT-medium (24 layers, width
1024; `--quick`: a tiny one). Each side runs in a process of its own, so that its peak memory is its
own, and keeps its model loaded; the two take turns, `--repeats` times, and the best of each figure
counts, for on a shared machine only minima repeat. Both are greedy.

    first token ms     one prompt of 512 tokens, to the first token of the answer
    alone tok/s        tokens a second after that first one
    streams tok/s      16 prompts of 128 tokens at once: tokens a second while all 16 are written
    together tok/s     the same, prompts included: all tokens over the whole time
    peak MB            the process's largest resident size

The last line is JSON; each ratio is above 1 where ours is better.
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

SHAPE = {"n_embd": 1024, "n_layer": 24, "n_head": 16, "n_positions": 1024, "vocab_size": 50257}
TINY = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 1024, "vocab_size": 512}

FIGURES = {
    "first_token_ms": ("first token ms", "less"),
    "alone": ("alone tok/s", "more"),
    "streams": ("streams tok/s", "more"),
    "together": ("together tok/s", "more"),
    "peak_mb": ("peak MB", "less"),
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


def make_checkpoint(folder: Path, shape: dict[str, int], dtype: str) -> None:
    """A GPT-2 folder of random weights in shards of one block each; never held as a whole."""
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(0)
    width, layers = shape["n_embd"], shape["n_layer"]

    def normal(*size: int) -> torch.Tensor:
        return (torch.randn(*size, generator=generator) * 0.02).to(getattr(torch, dtype))

    def block(layer: int) -> dict[str, torch.Tensor]:
        name = f"transformer.h.{layer}"
        tensors = {
            f"{name}.attn.c_attn.weight": normal(width, 3 * width),
            f"{name}.attn.c_proj.weight": normal(width, width),
            f"{name}.mlp.c_fc.weight": normal(width, 4 * width),
            f"{name}.mlp.c_proj.weight": normal(4 * width, width),
        }
        for part, size in (
            ("attn.c_attn", 3),
            ("attn.c_proj", 1),
            ("mlp.c_fc", 4),
            ("mlp.c_proj", 1),
        ):
            tensors[f"{name}.{part}.bias"] = normal(size * width)
        return tensors | norm(f"{name}.ln_1") | norm(f"{name}.ln_2")

    def norm(name: str) -> dict[str, torch.Tensor]:
        return {f"{name}.weight": 1 + normal(width), f"{name}.bias": normal(width)}

    def embedding() -> dict[str, torch.Tensor]:
        return {
            "transformer.wte.weight": normal(shape["vocab_size"], width),
            "transformer.wpe.weight": normal(shape["n_positions"], width),
        } | norm("transformer.ln_f")

    weight_map: dict[str, str] = {}
    for number in range(layers + 1):
        tensors = block(number) if number < layers else embedding()
        shard = f"model-{number + 1:05}-of-{layers + 1:05}.safetensors"
        save_file(tensors, folder / shard, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(tensors, shard)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    config = {
        "model_type": "gpt2",
        "architectures": ["GPT2LMHeadModel"],
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "bos_token_id": None,
        "eos_token_id": None,
        "dtype": dtype,
        **shape,
    }
    (folder / "config.json").write_text(json.dumps(config))


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


def ours(folder: Path, dtype: str) -> Generate:
    """Our engine, stepped in this process, through detokenising."""
    import torch

    from miniclaude.engine.engine import Engine
    from miniclaude.engine.request import GenerationRequest, Sampling
    from miniclaude.model.checkpoint import load_model

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


def serve(side: str, folder: Path, dtype: str, threads: int, load: Load) -> None:
    """A side's process: load, then measure once for every line of input."""
    import torch

    torch.set_num_threads(threads)
    generate = {"ours": ours, "transformers": transformers}[side](folder, dtype)
    prompts = load.prompts()
    generate([prompts[0][:8]], 2)
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        alone = generate(prompts[:1], load.answer)
        streams = generate([prompt[: load.stream_prompt] for prompt in prompts], load.stream_answer)
        figures = {
            "first_token_ms": alone.times[0] * 1000,
            "alone": alone.rate(1),
            "streams": streams.rate(load.streams),
            "together": load.streams * load.stream_answer / streams.times[-1],
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "ids": alone.ids,
        }
        print(json.dumps(figures), flush=True)


class Side:
    """A side's process, seen from here."""

    def __init__(self, name: str, folder: Path, arguments: argparse.Namespace, load: Load) -> None:
        self.name = name
        self.best: dict[str, float] = {}
        self.ids: list[int] = []
        command = [sys.executable, __file__, "--side", name, "--folder", str(folder)]
        command += ["--dtype", arguments.dtype, "--threads", str(arguments.threads)]
        self.process = subprocess.Popen(
            [*command, "--load", json.dumps(asdict(load))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
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
            best = min if better == "less" and name != "peak_mb" else max
            self.best[name] = best(figures[name], self.best.get(name, figures[name]))

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tiny model, to see that it runs")
    for internal in ("--side", "--folder", "--load"):
        parser.add_argument(internal, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        load = Load(**json.loads(arguments.load))
        serve(arguments.side, Path(arguments.folder), arguments.dtype, arguments.threads, load)
        return
    shape = TINY if arguments.quick else SHAPE
    load = Load(shape["vocab_size"])
    if arguments.quick:
        load = Load(shape["vocab_size"], 64, 9, streams=4, stream_prompt=16, stream_answer=9)
    with tempfile.TemporaryDirectory(prefix="generate-") as name:
        make_checkpoint(Path(name), shape, arguments.dtype)
        sides = [Side(side, Path(name), arguments, load) for side in ("ours", "transformers")]
        for _ in range(arguments.repeats):
            for side in sides:
                side.measure()
        for side in sides:
            side.close()
    mine, theirs = sides
    print(f"{'':16}{'ours':>14}{'transformers':>14}{'ratio':>8}")
    ratios = {}
    for figure, (label, better) in FIGURES.items():
        ratio = mine.best[figure] / theirs.best[figure]
        ratios[figure] = round(ratio if better == "more" else 1 / ratio, 3)
        print(
            f"{label:16}{mine.best[figure]:14.1f}{theirs.best[figure]:14.1f}{ratios[figure]:8.2f}"
        )
    result = {
        "benchmark": "generate",
        "shape": "quick" if arguments.quick else "dialogpt-medium",
        "dtype": arguments.dtype,
        "threads": arguments.threads,
        "ours": {name: round(value, 1) for name, value in mine.best.items()},
        "transformers": {name: round(value, 1) for name, value in theirs.best.items()},
        "ratios": ratios,
        "same_answer": mine.ids == theirs.ids,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
