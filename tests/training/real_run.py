"""A real fine-tuning in a process of its own, which prints what it took:
`python -m tests.training.real_run MODEL DATASET RUN SPEC-AS-JSON`."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path

import torch

from miniclaude.data.prepared import PreparedDataset
from miniclaude.model.checkpoint import load_model
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.training.machine import own_memory
from miniclaude.training.run_log import RunLog
from miniclaude.training.spec import TuneSpec
from miniclaude.training.tune import base_dtype, tune


def main() -> None:
    """Run it as `jobs/assemble.py` does."""
    base, dataset, run = map(Path, sys.argv[1:4])
    spec = TuneSpec.from_dict(json.loads(sys.argv[4]))
    torch.set_num_threads(int(sys.argv[5]) if len(sys.argv) > 5 else 1)
    began = time.perf_counter()
    model = load_model(base, dtype=base_dtype(spec))
    rows, log = PreparedDataset.open(dataset), RunLog(terminal=io.StringIO())
    result = tune(model, load_tokenizer(base), rows, spec, run, log=log).run
    told = {
        "seconds": time.perf_counter() - began,
        "memory": own_memory("VmHWM"),
        "steps": result.steps,
        "trained": result.trained,
        "read": result.read,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
