"""A side's process of `generate.py`: load once, then measure once for every line of input.

    PYTHON benchmarks/generate_side.py SIDE WEIGHTS --load JSON --dtype D --threads N

WEIGHTS: our folder, or what `convert_weights.py` made of it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from generate_load import Generate, Load, peak_megabytes


def open_side(arguments: argparse.Namespace) -> Generate:
    """A side's model, loaded."""
    kind, _, detail = arguments.side.partition("-")
    weights, threads = arguments.weights, arguments.threads
    if kind in ("ours", "transformers"):
        import sides_here

        open_here = sides_here.ours if kind == "ours" else sides_here.transformers
        return open_here(weights, detail or arguments.dtype, threads)
    import sides_peers

    peers = {
        "llama.cpp": sides_peers.llama_cpp,
        "ctranslate2": sides_peers.ctranslate2,
        "openvino": sides_peers.openvino,
    }
    return peers[kind](weights, threads)


def measure(generate: Generate, load: Load, turn: int) -> dict[str, Any]:
    """One turn's figures, and the first answer's ids."""
    alone = generate(load.prompts(turn, 1, load.prompt), load.answer)
    reply = generate(load.prompts(turn, 1, load.reply_prompt), load.reply)
    figures: dict[str, Any] = {
        "first_token_ms": next(at for at, got in zip(alone.times, alone.counts, strict=True) if got)
        * 1000,
        "alone": alone.rate(1),
        "reply_ms": reply.times[-1] * 1000,
        "peak_alone_mb": peak_megabytes(),
        "ids": alone.ids,
    }
    for streams in load.streams:
        run = generate(load.prompts(turn, streams, load.stream_prompt), load.stream_answer)
        figures[f"streams_{streams}"] = run.rate(streams)
        figures[f"requests_{streams}"] = streams / run.times[-1]
    return {**figures, "peak_mb": peak_megabytes()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("side")
    parser.add_argument("weights", type=Path)
    parser.add_argument("--load", required=True)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    load = Load(**json.loads(arguments.load))
    generate = open_side(arguments)
    generate(load.prompts(-1, 1, 8), 2)
    print(json.dumps({"ready": True}), flush=True)
    for turn, _ in enumerate(sys.stdin):
        print(json.dumps(measure(generate, load, turn)), flush=True)


if __name__ == "__main__":
    main()
