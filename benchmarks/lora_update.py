"""What the hand-written low-rank update saves over plain autograd, on one layer.

    python benchmarks/lora_update.py [--tokens 1024] [--width 768] [--parts 3] [--bfloat16]

A frozen linear layer with adapters on `parts` slices of its outputs, forwards and backwards, in a
process of its own for each side. The last line is JSON: milliseconds (the least of all repeats),
megabytes kept between the two passes beside the inputs, the process's peak, and ours over theirs.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

RANK = 16


def measure(side: str, args: argparse.Namespace) -> dict[str, float]:
    """One side, in this process."""
    import torch
    from torch import Tensor, nn

    from miniclaude.model.lora_function import add_low_rank, reference_add

    def plain(y: Tensor, x: Tensor, rows: Any, scales: Any, *ab: Tensor) -> Tensor:
        """As peft's layers do it: each slice's own result, plus its own update."""
        columns = []
        for (start, stop), scale, a, b in zip(rows, scales, ab[::2], ab[1::2], strict=True):
            low = nn.functional.linear(x.to(a.dtype), a)
            columns.append(y[:, start:stop] + nn.functional.linear(low, b).to(y.dtype) * scale)
        return torch.cat(columns, dim=1)

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    dtype = torch.bfloat16 if args.bfloat16 else torch.float32
    base = nn.Linear(args.width, args.parts * args.width).to(dtype).requires_grad_(False)
    rows = tuple((i * args.width, (i + 1) * args.width) for i in range(args.parts))
    ab = []
    for _ in rows:
        ab += [torch.randn(RANK, args.width), torch.randn(args.width, RANK)]
    x = torch.randn(args.tokens, args.width).to(dtype).requires_grad_()
    upstream = torch.randn(args.tokens, args.parts * args.width).to(dtype)
    functions: dict[str, Callable[..., Tensor]] = {
        "ours": add_low_rank,
        "reference": reference_add,
        "plain": plain,
    }
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    def step() -> None:
        leaves = [weight.requires_grad_() for weight in ab]
        y = functions[side](base(x), x, rows, (2.0,) * len(rows), *leaves)
        torch.autograd.backward(y, upstream)
        x.grad = None
        for leaf in leaves:
            leaf.grad = None

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        step()
    own = {t.untyped_storage().data_ptr() for t in (x, *ab, base.weight, base.bias)}
    seconds = []
    for _ in range(args.repeats):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return {
        "ms": 1000 * min(seconds),
        "kept_mb": sum(size for at, size in kept.items() if at not in own) / 1e6,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def main() -> None:
    """Both sides, each in its own process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--parts", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bfloat16", action="store_true")
    parser.add_argument("--side", choices=("ours", "reference", "plain"))
    args = parser.parse_args()
    if args.side:
        print(json.dumps(measure(args.side, args)))
        return
    found = {}
    for side in ("ours", "plain", "reference"):
        command = [sys.executable, __file__, *sys.argv[1:], "--side", side]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found[side] = json.loads(done.stdout)
        print(f"{side:<10}" + "  ".join(f"{k} {v:8.2f}" for k, v in found[side].items()))
    ratio = {k: round(found["ours"][k] / found["plain"][k], 3) for k in found["ours"]}
    print(json.dumps({**found, "ours/plain": ratio}))


if __name__ == "__main__":
    main()
