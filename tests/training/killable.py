"""A training run in a process of its own, for tests that end it by force.

    python -m tests.training.killable RUN_FOLDER

Trains a LoRA with dropout, gradient accumulation, averaged weights, early stopping and evaluation:
all that a checkpoint has to remember. Prints each step as it is logged.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from safetensors.torch import save_file

from miniclaude.model.lora import LoraConfig, add_lora
from miniclaude.training.averaging import trained_parameters
from miniclaude.training.config import TrainingConfig
from miniclaude.training.held_out import mean_loss
from miniclaude.training.loop import train
from miniclaude.training.losses import Supervised
from miniclaude.training.packing import PackedBatches, pack_epochs
from miniclaude.training.run_log import RunLog
from tests.training.tiny import counting_set, tiny_model

CONFIG = TrainingConfig(
    steps=40,
    accumulate=2,
    learning_rate=0.02,
    warmup=3,
    schedule="cosine",
    ema=0.9,
    evaluate_every=10,
    checkpoint_every=3,
    patience=3,
)


def main(folder: Path) -> None:
    """Run, or go on; at the end the weights are in `result.safetensors`."""
    model = tiny_model()
    add_lora(model, LoraConfig(r=4, alpha=8, dropout=0.2))
    documents = counting_set()
    order = pack_epochs(documents.lengths, size=48, batches=80, seed=1)
    held_out = PackedBatches(documents, pack_epochs(documents.lengths, size=64))
    log = RunLog(
        folder / "metrics.jsonl",
        io.StringIO(),
        listener=lambda record: print(record.get("step"), flush=True),
    )
    train(
        model,
        PackedBatches(documents, order),
        CONFIG,
        folder=folder / "checkpoints",
        evaluate=mean_loss(Supervised(), held_out, "float32"),
        log=log,
    )
    trained = {name: p.detach().contiguous() for name, p in trained_parameters(model).items()}
    save_file(trained, folder / "result.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
