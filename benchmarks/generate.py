"""Our engine against others: the same random weights, the same prompts, one run.

    python benchmarks/peers.py install llama.cpp ctranslate2 openvino     (once; see there)
    python benchmarks/generate.py [--shape S] [--sides A B ...] [--dtype float32|bfloat16]
        [--threads N] [--repeats N] [--streams N ...] [--results FILE] [--quick]

The weights are made in `.peers/weights`, in the shape of DialoGPT-medium (24 layers, width 1024)
or of SmolLM2-360M (32 layers, width 960; `--quick`: a tiny one), and converted there by each peer's
own tool. Each side runs in a process of its own, so that its peak memory is its own, and keeps its
model loaded; they take turns, `--repeats` times, and the best of each figure counts, for on a
shared machine only minima repeat. All are greedy; no two turns have the same prompts, and nothing
is guessed ahead.

    ours, transformers              in `--dtype`, or `ours-bfloat16`, `transformers-bfloat16`
    ours-int8, ours-int4            our engine with packed weights
    llama.cpp-q8, llama.cpp-q4      Q8_0 and Q4_0
    ctranslate2-int8
    openvino-int8, openvino-int4    OpenVINO GenAI's continuous batching

    first token ms     one prompt of 512 tokens, to the first token of the answer
    alone tok/s        tokens a second after that first one
    reply ms           a whole reply: 64 tokens given, 40 written
    N streams tok/s    N prompts of 128 tokens at once: tokens a second while all N are written
    N requests/s       the same N, 128 given and 32 written, from the first moment to the last
    alone MB           the process's largest resident size after one request at a time
    peak MB            the same after all streams
    share of memory    alone tok/s times the bytes of the weights, over what the memory gives to a
                       plain sum on as many threads: 1 is as fast as reading allows (ours packed)

The last line is JSON. In it, `ratios` are those of the first side to the last, above 1 where the
first is better, and `same_ids` counts the leading tokens of the answer that equal the first side's.
`--results FILE` keeps the best figures, for `picture.py`; it can be filled by several runs, but
then give every side as many turns, for more turns are more chances, on a machine equally quiet.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, cast

import peers
from generate_load import Load

HERE = Path(__file__).resolve().parent
SHAPE_NAMES = ("dialogpt-medium", "smollm2-360m")
PEER_SIDES = ("llama.cpp-q8", "llama.cpp-q4", "ctranslate2-int8", "openvino-int8", "openvino-int4")
OWN_SIDES = ("ours", "ours-bfloat16", "ours-int8", "ours-int4")
SIDES = (*OWN_SIDES, "transformers", "transformers-bfloat16", *PEER_SIDES)
REST_S = 0.5  # threads that a library keeps awake after its work go to sleep meanwhile

Figures = dict[str, tuple[str, str]]


def figures_of(load: Load) -> Figures:
    """Each figure's label, and whether more or less is better."""
    figures = {
        "first_token_ms": ("first token ms", "less"),
        "alone": ("alone tok/s", "more"),
        "reply_ms": ("reply ms", "less"),
    }
    for streams in load.streams:
        figures[f"streams_{streams}"] = (f"{streams} streams tok/s", "more")
        figures[f"requests_{streams}"] = (f"{streams} requests/s", "more")
    figures["peak_alone_mb"] = ("alone MB", "less")
    figures["peak_mb"] = ("peak MB", "less")
    figures["share"] = ("share of memory", "more")
    return figures


def weights_of(side: str, folder: Path) -> Path:
    """What the side loads. A peer's is made by its own tool, once."""
    if side not in PEER_SIDES:
        return folder
    weights = folder / "peers" / side
    if not weights.exists():
        weights.parent.mkdir(exist_ok=True)
        python = peers.python_of(side.partition("-")[0])
        command = [str(python), str(HERE / "convert_weights.py"), side, str(folder), str(weights)]
        print(f"Converting to {weights}", file=sys.stderr, flush=True)
        subprocess.run(command, check=True, stdout=sys.stderr)
    return weights


def memory_speed(threads: int, times: int = 10) -> float:
    """Bytes a second that a sum of 400 MB reads, at best of `times`."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    numbers = torch.ones(100_000_000)
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        numbers.sum()
        best = min(best, time.perf_counter() - start)
    torch.set_num_threads(before)  # what is measured next has its own
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

    def __init__(self, name: str, weights: Path, arguments: argparse.Namespace, load: Load) -> None:
        self.name = name
        self.figures = figures_of(load)
        self.best: dict[str, float] = {}
        self.ids: list[int] = []
        peer = name.partition("-")[0]
        python = str(peers.python_of(peer)) if name in PEER_SIDES else sys.executable
        command = [python, str(HERE / "generate_side.py"), name, str(weights)]
        command += ["--dtype", arguments.dtype, "--threads", str(arguments.threads)]
        self.process = subprocess.Popen(
            [*command, "--load", json.dumps(asdict(load))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(HERE.parent),
                "OMP_NUM_THREADS": str(arguments.threads),
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
        """One turn; keep what is best."""
        request = cast("IO[str]", self.process.stdin)
        request.write("\n")
        request.flush()
        figures = self.read()
        self.ids = self.ids or figures["ids"]
        for name, (_, better) in self.figures.items():
            if name in figures:
                self.best[name] = best_of(name, better, figures[name], self.best.get(name))

    def close(self) -> None:
        """End the process."""
        self.process.communicate()


def best_of(name: str, better: str, new: float, old: float | None) -> float:
    """The better of two. Of peaks after all streams the highest: each turn has them behind it."""
    best = min if better == "less" and name != "peak_mb" else max
    return best(new, new if old is None else old)


def same_ids(first: list[int], other: list[int]) -> int:
    """How many leading tokens are equal."""
    equal = 0
    for one, two in zip(first, other, strict=False):
        if one != two:
            break
        equal += 1
    return equal


def measure_sides(
    arguments: argparse.Namespace, shape: dict[str, int], load: Load, folder: Path
) -> list[Side]:
    """Make the weights where they are missing, then run all sides in turns."""
    from random_checkpoint import make_checkpoint, write_numerals

    for name in set(arguments.sides) & set(PEER_SIDES):
        peers.python_of(name.partition("-")[0])
    if not (folder / "tokenizer_config.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        make_checkpoint(folder, shape, "float32")
        write_numerals(folder, shape["vocab_size"])
    weights = {name: weights_of(name, folder) for name in arguments.sides}
    sides = [Side(name, weights[name], arguments, load) for name in arguments.sides]
    for _ in range(arguments.repeats):
        for side in sides:
            time.sleep(REST_S)
            side.measure()
            if arguments.results:  # after each turn: what a stopped run has measured is not lost
                keep(arguments.results, folder.name, [side], side.figures)
    for side in sides:
        side.close()
    return sides


def print_table(sides: list[Side], figures: Figures) -> dict[str, float]:
    """A row for each figure. Returns the ratios of the first side to the last."""
    first, last = sides[0].best, sides[-1].best
    print(f"{'':16}" + "".join(f"{side.name:>17}" for side in sides) + f"{'ratio':>8}")
    ratios = {}
    for figure, (label, better) in figures.items():
        digits = 2 if figure == "share" or figure.startswith("requests") else 1
        cells = [
            f"{side.best[figure]:17.{digits}f}" if figure in side.best else f"{'-':>17}"
            for side in sides
        ]
        if first.get(figure) and last.get(figure):
            ratio = first[figure] / last[figure]
            ratios[figure] = round(ratio if better == "more" else 1 / ratio, 3)
            cells.append(f"{ratios[figure]:8.2f}")
        print(f"{label:16}" + "".join(cells))
    return ratios


def keep(file: Path, shape: str, sides: list[Side], figures: Figures) -> None:
    """Add what was measured to a file, by shape and side; of each figure the best is kept."""
    results = json.loads(file.read_text()) if file.exists() else {}
    for side in sides:
        kept = results.setdefault(shape, {}).setdefault(side.name, {})
        for name, value in side.best.items():
            kept[name] = round(best_of(name, figures[name][1], value, kept.get(name)), 3)
    file.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")


def compare(arguments: argparse.Namespace) -> None:
    """Run all sides in turns and print the table and the JSON line."""
    from random_checkpoint import SHAPES

    name = "quick" if arguments.quick else arguments.shape
    shape = SHAPES[name]
    load = Load(shape["vocab_size"], streams=tuple(arguments.streams))
    if arguments.quick:
        load = Load(shape["vocab_size"], 64, 9, 16, 8, (4,), stream_prompt=16, stream_answer=8)
    sides = measure_sides(arguments, shape, load, arguments.weights / name)
    speed = memory_speed(arguments.threads)
    for side in sides:
        size = packed_bytes(side.name, shape)
        if size is not None:
            side.best["share"] = side.best["alone"] * size / speed
    ratios = print_table(sides, figures_of(load))
    if arguments.results:
        keep(arguments.results, name, sides, figures_of(load))
    result = {
        "benchmark": "generate",
        "shape": name,
        "dtype": arguments.dtype,
        "threads": arguments.threads,
        "memory_gb_s": round(speed / 1e9, 1),
        **{side.name: {k: round(v, 5) for k, v in side.best.items()} for side in sides},
        "ratios": ratios,
        "same_ids": {side.name: same_ids(sides[0].ids, side.ids) for side in sides},
    }
    print(json.dumps(result))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shape", choices=list(SHAPE_NAMES), default=SHAPE_NAMES[0])
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=["ours", "transformers"])
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--streams", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--quick", action="store_true", help="a tiny model, to see that it runs")
    parser.add_argument("--weights", type=Path, default=peers.FOLDER / "weights")
    parser.add_argument("--results", type=Path, help="a JSON file that several runs add to")
    compare(parser.parse_args())


if __name__ == "__main__":
    main()
