"""What the preflight foretells against what then happens, over six configurations.

    python benchmarks/preflight.py [--rows 600] [--threads 1]

Each run is a process of its own: the trial's, and then the real one's. Rows are the seed dataset's.
The last line is one JSON object: for each configuration, seconds and peak memory, foretold and
measured, and their ratio.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from miniclaude.data.example import to_row  # noqa: E402
from miniclaude.data.reading import read_examples  # noqa: E402
from miniclaude.data.rejection import Rejection  # noqa: E402
from miniclaude.data.seed import resolve_source  # noqa: E402
from miniclaude.model.lora import LoraConfig  # noqa: E402
from miniclaude.training.machine import this_machine  # noqa: E402
from miniclaude.training.preflight import estimate, megabytes  # noqa: E402
from miniclaude.training.run_log import duration  # noqa: E402
from miniclaude.training.spec import TuneSpec  # noqa: E402
from tests.training.prepared_rows import Row, preference_row, write_prepared  # noqa: E402

BUNDLED = ROOT / "miniclaude/bundled/mini-claude-11m"

BASE = TuneSpec(epochs=1, max_length=256, accumulate=2, learning_rate=2e-3, lora=LoraConfig(r=16))
CONFIGURATIONS = {
    "lora": BASE,
    "lora bfloat16": replace(BASE, precision="bfloat16"),
    "lora checkpointed": replace(BASE, gradient_checkpointing=True, batch_tokens=4096),
    "qlora 4 bits": replace(BASE, method="qlora", bits=4),
    "full": replace(BASE, method="full", learning_rate=3e-4, evaluate_every=5),
    "dpo": replace(BASE, objective="dpo", learning_rate=2e-4),
}


def seed_rows(count: int) -> tuple[list[Row], list[Row]]:
    """Conversations, and preferences of the same: the answer against another row's."""
    source = resolve_source("seed")
    items = (item for item in read_examples(source) if not isinstance(item, Rejection))
    examples = [e for e in islice(items, count) if e.task == "supervised"]
    chats = [to_row(example) for example in examples]
    pairs = [
        preference_row(one.messages[-2].text, one.messages[-1].text, other.messages[-1].text)
        for one, other in zip(examples, examples[1:] + examples[:1], strict=True)
        if one.messages[-1].text != other.messages[-1].text and one.messages[-2].text
    ]
    return chats, pairs


def real_run(dataset: Path, run: Path, spec: TuneSpec, threads: int) -> dict[str, Any]:
    """The run itself."""
    command = [sys.executable, "-m", "tests.training.real_run", str(BUNDLED), str(dataset)]
    command += [str(run), json.dumps(spec.as_dict()), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> None:
    """Foretell and run each configuration."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="", help="one configuration's name")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    chats, pairs = seed_rows(options.rows)
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        cut = len(chats) // 10
        supervised = write_prepared(home / "chats", chats[cut:], chats[:cut])
        cut = len(pairs) // 10
        preferences = write_prepared(home / "pairs", pairs[cut:], pairs[:cut], task="preference")
        for name, spec in CONFIGURATIONS.items():
            if options.only not in ("", name):
                continue
            dataset = (preferences if spec.objective == "dpo" else supervised).folder
            told = estimate(BUNDLED, dataset, spec, this_machine())
            run = real_run(dataset, home / name.replace(" ", "-"), spec, options.threads)
            if told.trained_tokens != run["trained"]:
                raise SystemExit(f"{name}: {told.trained_tokens} tokens foretold, {run['trained']}")
            results[name] = {
                "seconds_foretold": round(told.seconds, 1),
                "seconds": round(run["seconds"], 1),
                "time_ratio": round(told.seconds / run["seconds"], 3),
                "memory_foretold": told.memory_bytes,
                "memory": run["memory"],
                "memory_ratio": round(told.memory_bytes / run["memory"], 3),
                "trained_tokens": run["trained"],
            }
            print(
                f"{name:18} time {duration(told.seconds)} foretold, {duration(run['seconds'])}"
                f" taken ({told.seconds / run['seconds']:.2f}); memory"
                f" {megabytes(told.memory_bytes)} foretold, {megabytes(run['memory'])} taken"
                f" ({told.memory_bytes / run['memory']:.2f}); {run['trained']:,} tokens learnt,"
                " as foretold",
                flush=True,
            )
    print(json.dumps({"benchmark": "preflight", "threads": options.threads, "runs": results}))


if __name__ == "__main__":
    main()
