"""A model that memory could not hold as it is stored: made small, loaded and served. Linux only.

    python benchmarks/seven_billion.py [--folder F] [--to int4|int8] [--threads N] [--repeats N]
        [--peer] [--quick]

Random weights in the shape of Llama-2-7B (bfloat16, 13.5 GB on the disk; `--quick`: a tiny one) are
made shard by shard, quantised, mapped and made to answer, each step in a process of its own. What
`--folder` holds already is not made again, so that the answering alone can be measured on a quiet
machine; without it everything lies in a temporary folder and is deleted.

    make seconds        the checkpoint
    quantise seconds    from one folder to the other; processor seconds beside it
    quantise MB         peak of that process's own memory (RssAnon): what a machine must have free
    load seconds        map the folder, start the threads, have the kernels compiled (or cached)
    serve MB            all of the answering process's memory at its end, mapped weights included
    serve anonymous MB  the part of it that is no file's
    decode tok/s        after a prompt of 32 tokens, 32 more; best of `--repeats`
    share of memory     decode tok/s times the bytes of all weights that a token needs, over what
                        the memory gives to a plain sum on as many threads, measured between them

`--peer`: llama.cpp beside it (`peers.py install llama.cpp`), which reads the same weights in Q4_0
as our own export writes them (the head in Q8_0). Both processes stay loaded and answer in turns:

    ours, llama.cpp tok/s           after a prompt of 32 tokens, 32 more; best of `--repeats`
    ours, llama.cpp first token ms  of those 32
    ours, llama.cpp MB              peak of all memory of each process, mapped weights included

The goals: quantise below 8,000 MB, serve below 5,000 MB, share at least 0.80. The last line is
JSON; each ratio is above 1 where the goal is met with room to spare.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Literal, cast, get_args

import peers
import torch
from generate import Side, memory_speed
from generate_load import Load
from random_checkpoint import SHAPES, make_checkpoint
from sides_here import ours

PROMPT, ANSWER = 32, 33
GOALS = {"quantise_mb": 8_000.0, "serve_mb": 5_000.0, "share": 0.80}
Step = Literal["make", "quantise", "serve", "export"]
STEPS: tuple[Step, ...] = get_args(Step)
BESIDE = {"first_token_ms": "first_token_ms", "alone": "decode", "peak_alone_mb": "mb"}


def memory_mb(field: str) -> float:
    """A line of this process's /proc/self/status."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


class Peak:
    """The most RssAnon seen, a hundred times a second."""

    def __init__(self) -> None:
        self.mb = 0.0
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self) -> None:
        """Look until the process ends."""
        while True:
            self.mb = max(self.mb, memory_mb("RssAnon"))
            time.sleep(0.01)


class Silent:
    """Progress that nobody watches."""

    def begin(self, name: str, files: int, total: int) -> None:
        """Nothing."""

    def file(self, name: str) -> None:
        """Nothing."""

    def advance(self, count: int) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""


def make(folder: Path, shape: dict[str, int]) -> dict[str, float]:
    """The checkpoint, if it is not there."""
    if (folder / "config.json").is_file():
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    make_checkpoint(folder, shape, "bfloat16")
    return {"make_seconds": time.perf_counter() - start}


def quantise(source: Path, folder: Path, bits: Literal[8, 4]) -> dict[str, float]:
    """The packed copy, if it is not there."""
    from miniclaude.model.write_packed import write_packed

    if (folder / "config.json").is_file():
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    peak = Peak()
    start, worked = time.perf_counter(), time.process_time()
    write_packed(source, folder, bits, progress=Silent())
    return {
        "quantise_seconds": time.perf_counter() - start,
        "quantise_cpu_seconds": time.process_time() - worked,
        "quantise_mb": peak.mb,
    }


def bytes_a_token(folder: Path) -> int:
    """Of all weights but an embedding of its own, of which a token reads one row."""
    from miniclaude.model.packed_folder import read_packed_plan

    plan = read_packed_plan(folder)
    tied = plan.model.config.tied_head
    return sum(
        tensor.bytes
        for name, tensor in plan.stored.items()
        if tied or not name.startswith("tokens.")
    )


def serve(folder: Path, dtype: str, threads: int, repeats: int) -> dict[str, float]:
    """Load and answer."""
    start = time.perf_counter()
    generate = ours(folder, dtype, threads)
    loaded = time.perf_counter() - start
    prompt = [[1 + number % 400 for number in range(PROMPT)]]
    generate(prompt, 2)  # the weights come from the disk
    rate = speed = 0.0
    for _ in range(repeats):
        speed = max(speed, memory_speed(threads, times=3))
        rate = max(rate, generate(prompt, ANSWER).rate(1))
    needed = bytes_a_token(folder)
    return {
        "load_seconds": loaded,
        "serve_mb": memory_mb("VmRSS"),
        "serve_anonymous_mb": memory_mb("RssAnon"),
        "decode": rate,
        "weights_gb": needed / 1e9,
        "memory_gb_s": speed / 1e9,
        "share": rate * needed / speed,
    }


def export(source: Path, file: Path) -> dict[str, float]:
    """The same weights as llama.cpp reads them, if the file is not there. It wants a tokenizer,
    which nobody will use."""
    from miniclaude.model.gguf_export import TYPES, write_gguf
    from miniclaude.model.library import InstalledModel, bundled_models

    if file.is_file():
        return {}
    [bundled, *_] = cast("Path", bundled_models()).glob("*/tokenizer.json")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(bundled.with_name(name), source)
    model = InstalledModel("random", source, 0, 0, 0, bundled=False, stamp="")
    start = time.perf_counter()
    write_gguf(model, file, TYPES["q4_0"], Silent())
    return {"export_seconds": time.perf_counter() - start}


def beside(folder: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Both sides by turns, each in a process of its own."""
    load = Load(
        SHAPES["llama-2-7b"]["vocab_size"], PROMPT, ANSWER, reply_prompt=8, reply=2, streams=()
    )
    told = argparse.Namespace(dtype="float32", threads=arguments.threads)
    sides = {
        "ours": Side("ours-int4", folder / "int4", told, load),
        "llama.cpp": Side("llama.cpp-q4", folder / "q4_0.gguf", told, load),
    }
    for _ in range(arguments.repeats):
        for side in sides.values():
            side.measure()
    figures = {
        f"{name}_{short}": side.best[figure]
        for figure, short in BESIDE.items()
        for name, side in sides.items()
    }
    for side in sides.values():
        side.close()
    return figures


def run(step: Step, arguments: argparse.Namespace, folder: Path) -> dict[str, float]:
    """One step, in this process."""
    torch.set_num_threads(arguments.threads)
    original, packed = folder / "original", folder / arguments.to
    if step == "make":
        return make(original, SHAPES["quick-llama" if arguments.quick else "llama-2-7b"])
    if step == "quantise":
        return quantise(original, packed, 4 if arguments.to == "int4" else 8)
    if step == "export":
        return export(original, folder / "q4_0.gguf")
    return serve(packed, arguments.to, arguments.threads, arguments.repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, help="kept, with what is made in it")
    parser.add_argument("--to", choices=["int8", "int4"], default="int4")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer", action="store_true", help="llama.cpp's Q4_0 beside ours in int4")
    parser.add_argument("--quick", action="store_true", help="a tiny model, to see that it runs")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer and (arguments.quick or arguments.to != "int4"):
        parser.error("--peer is for int4 and the whole model")
    if arguments.peer:
        peers.python_of("llama.cpp")  # before minutes of work, in which it may not be there
    if arguments.step:
        print(json.dumps(run(arguments.step, arguments, arguments.folder)))
    elif arguments.folder:
        report(arguments, arguments.folder)
    else:
        with tempfile.TemporaryDirectory(prefix="seven-billion-") as folder:
            report(arguments, Path(folder))


def report(arguments: argparse.Namespace, folder: Path) -> None:
    """Each step in a process of its own; the table and the JSON line."""
    figures: dict[str, Any] = {}
    for step in STEPS if arguments.peer else STEPS[:-1]:
        command = [sys.executable, __file__, *sys.argv[1:], "--folder", str(folder), "--step", step]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        figures |= json.loads(done.stdout.splitlines()[-1])
    if arguments.peer:
        figures |= beside(folder, arguments)
    for name, value in figures.items():
        goal = f"   goal {GOALS[name]:,.2f}" if name in GOALS else ""
        print(f"{name.replace('_', ' '):24}{value:12,.2f}{goal}")
    ratios = {
        name: round(figures[name] / goal if name == "share" else goal / figures[name], 3)
        for name, goal in GOALS.items()
        if name in figures
    }
    rounded = {name: round(value, 4) for name, value in figures.items()}
    shape = "quick" if arguments.quick else "llama-2-7b"
    result = {"benchmark": "seven_billion", "shape": shape, "dtype": arguments.to}
    print(json.dumps({**result, "threads": arguments.threads, **rounded, "ratios": ratios}))


if __name__ == "__main__":
    main()
