"""Training every weight of a GPT-2-small shape: our loop against `transformers`' Trainer.

    python benchmarks/pretrain.py [--dtype float32 --dtype bfloat16] [--steps N] [--data FILE ...]
                                  [--device cuda] [--quick]

Two kinds of text, 16 rows a step on both sides: blocks of `--length` tokens, all learnt and nothing
padded (pretraining), and conversations of all lengths (full fine-tuning). Figures and conditions
are those of finetune.py. The last line is JSON.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from finetune import SEED
from training_sides import SHAPE, TINY, Case, block_rows, chat_rows, compare, options, prepare


def main() -> None:
    parser = options(__doc__ or "")
    parser.add_argument("--data", type=Path, action="append", help="JSONL of `messages` rows")
    arguments = parser.parse_args()
    shape = TINY if arguments.quick else SHAPE
    results = []
    for kind in ("pretrain", "full fine-tuning"):
        rows = block_rows(arguments.steps * 16, arguments.length, shape["vocab_size"])
        if kind != "pretrain":
            rows = chat_rows(arguments.data or sorted(SEED.glob("*.jsonl")), arguments.length)
        with tempfile.TemporaryDirectory(prefix="pretrain-") as name:
            prepare(Path(name), rows, shape, context=1024)
            for dtype in arguments.dtype or ["float32", "bfloat16"]:
                case = Case(
                    method="full",
                    dtype=dtype,
                    steps=arguments.steps,
                    device=arguments.device,
                    threads=arguments.threads,
                    forwards=arguments.forwards,
                )
                print(kind)
                compared = compare(Path(name), case, shape, arguments.peak_tflops)
                results.append({"kind": kind, **compared})
    shown = "quick" if arguments.quick else "gpt2-small"
    print(json.dumps({"benchmark": "pretrain", "shape": shown, "results": results}))


if __name__ == "__main__":
    main()
