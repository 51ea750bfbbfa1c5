"""LoRA on a GPT-2-small shape: our loop against `peft` and `transformers`' Trainer, in one run.

    python benchmarks/finetune.py [--dtype float32 --dtype bfloat16] [--steps N] [--data FILE ...]
                                  [--device cuda] [--quick]

Same random base, same adapter (r 16 on c_attn), same conversations in the same order, 16 a step,
the assistant's tokens alone to learn, no dropout, constant learning rate: the losses must agree
step by step. Theirs: batches of 4 padded, accumulated 4 times. Ours: the 16 packed into as many
forwards as `--forwards` says.

Like is compared with like: float32 with float32, and bfloat16 with theirs twice, once as Trainer
does it when asked for bf16 (products only) and once with the frozen weights loaded in bfloat16 too.

    tokens/s    real tokens, padding not counted, over all steps but the first
    peak MB     the process's largest resident size
    mfu         with --device cuda: the operations the real tokens need (see `flops` in
                training_sides.py) over the time and the chip's bf16 peak, `--peak-tflops`

The last line is JSON. speed is above 1 and memory below 1 where ours is better.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from training_sides import SHAPE, TINY, Case, chat_rows, compare, options, prepare

SETTINGS = [("float32", "float32"), ("bfloat16", "float32"), ("bfloat16", "bfloat16")]
"""Precision of both sides' products, and of the frozen weights that theirs loads."""

SEED = Path(__file__).resolve().parents[1] / "miniclaude" / "data" / "seed"


def main() -> None:
    parser = options(__doc__ or "")
    parser.add_argument("--data", type=Path, action="append", help="JSONL of `messages` rows")
    arguments = parser.parse_args()
    shape = TINY if arguments.quick else SHAPE
    rows = chat_rows(arguments.data or sorted(SEED.glob("*.jsonl")), arguments.length)
    lengths = [len(row.ids) for row in rows]
    learnt = sum(sum(row.learn) for row in rows) / sum(lengths)
    print(f"{len(rows):,} rows, {sum(lengths) / len(rows):.0f} tokens each, {learnt:.0%} learnt")
    results = []
    with tempfile.TemporaryDirectory(prefix="finetune-") as name:
        prepare(Path(name), rows, shape, context=1024)
        for dtype, peer_base in SETTINGS:
            if dtype not in (arguments.dtype or [dtype]):
                continue
            case = Case(
                method="lora",
                dtype=dtype,
                steps=arguments.steps,
                device=arguments.device,
                threads=arguments.threads,
                forwards=arguments.forwards,
                peer_base=peer_base,
            )
            results.append(compare(Path(name), case, shape, arguments.peak_tflops))
    shown = "quick" if arguments.quick else "gpt2-small"
    print(json.dumps({"benchmark": "finetune", "shape": shown, "results": results}))


if __name__ == "__main__":
    main()
