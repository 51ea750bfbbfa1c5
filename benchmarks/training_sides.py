"""Our training loop and `transformers`' Trainer on the same rows from the same weights.

Each side runs in a process of its own, so that its peak memory is its own, and reports one line of
JSON: the loss of every step, the real (not padding) tokens and the seconds of all steps but the
first, by the wall's clock and by the processor's, which others on the machine do not slow down, and
the largest resident size.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RANK, ALPHA = 16, 32
BATCH, ACCUMULATE = 4, 4
SHAPE = {"width": 768, "layers": 12, "heads": 12, "vocab_size": 50257}
TINY = {"width": 64, "layers": 2, "heads": 4, "vocab_size": 8192}
BASE, ADAPTER, ROWS = "base", "adapter.safetensors", "rows.json"


@dataclass(frozen=True)
class Case:
    """What is measured. method: `lora` (c_attn, r 16) or `full`. rate: the learning rate, constant,
    so that both sides take the same steps. forwards: into how many we pack a step's 16 rows; theirs
    are 4 of 4, padded. peer_base: format of the weights they load; where it is not float32 they
    keep the adapter in float32 as we do."""

    method: str
    dtype: str
    steps: int
    device: str = "cpu"
    threads: int = 2
    rate: float = 2e-4
    forwards: int = 2
    peer_base: str = "float32"


@dataclass(frozen=True)
class Row:
    """ids: tokens. learn: which of them count, the first never."""

    ids: list[int]
    learn: list[bool]


def chat_rows(files: list[Path], length: int) -> list[Row]:
    """Conversations as a tuned model reads them, by the bundled model's tokenizer and template;
    learnt is what the assistant says. At most `length` tokens each, in a fixed mixed order."""
    from miniclaude.data.example import Place, from_row
    from miniclaude.errors import RowError
    from miniclaude.model.library import bundled_models
    from miniclaude.tokenizer.load import load_tokenizer
    from miniclaude.training.tokenise import tokenise

    bundled = bundled_models()
    assert bundled is not None
    tokenizer = load_tokenizer(next(path for path in sorted(bundled.iterdir()) if path.is_dir()))
    examples = []
    for file in files:
        for number, line in enumerate(file.open(encoding="utf-8"), start=1):
            try:
                examples.append(from_row(json.loads(line), Place(file.name, number)))
            except RowError:
                continue
    documents = tokenise(examples, tokenizer, length).documents
    rows = [
        Row(ids.tolist(), [False, *learn[1:].tolist()])
        for ids, learn in map(documents.document, range(len(documents)))
    ]
    random.Random(0).shuffle(rows)
    return rows


def block_rows(count: int, length: int, vocab_size: int) -> list[Row]:
    """Full blocks of random tokens, all learnt: pretraining, where nothing is padded."""
    source = random.Random(0)
    return [
        Row([source.randrange(vocab_size) for _ in range(length)], [False] + [True] * (length - 1))
        for _ in range(count)
    ]


def prepare(folder: Path, rows: list[Row], shape: dict[str, int], context: int) -> None:
    """A GPT-2 of random weights, an untouched adapter for it, and the rows."""
    import torch
    from safetensors.torch import save_file

    from miniclaude.model.checkpoint import save_model
    from miniclaude.model.config import ModelConfig
    from miniclaude.model.transformer import Transformer

    config = ModelConfig(
        family="gpt2",
        context=context,
        kv_heads=shape["heads"],
        head_dim=shape["width"] // shape["heads"],
        mlp_width=4 * shape["width"],
        norm="layernorm",
        norm_eps=1e-5,
        activation="gelu_tanh",
        gated_mlp=False,
        positions="learned",
        qkv_bias=True,
        out_bias=True,
        mlp_bias=True,
        **shape,  # type: ignore[arg-type]
    )
    model = Transformer(config)
    generator = torch.Generator().manual_seed(0)
    model.initialise(generator)
    save_model(model, folder / BASE)
    bound = shape["width"] ** -0.5
    save_file(
        {
            str(layer): (torch.rand(RANK, shape["width"], generator=generator) * 2 - 1) * bound
            for layer in range(shape["layers"])
        },
        folder / ADAPTER,
    )
    (folder / ROWS).write_text(json.dumps([asdict(row) for row in rows]))


def read_rows(folder: Path, case: Case) -> list[Row]:
    """As many as the steps need."""
    rows = [Row(**row) for row in json.loads((folder / ROWS).read_text())]
    needed = case.steps * BATCH * ACCUMULATE
    return [rows[number % len(rows)] for number in range(needed)]


def ours(folder: Path, case: Case) -> dict[str, Any]:
    """The loop, its rows packed; the base in half precision where it is frozen."""
    import numpy as np
    import torch
    from safetensors.torch import load_file

    from miniclaude.data.tokens import TokenDocument, TokenSet
    from miniclaude.model.checkpoint import load_model
    from miniclaude.model.lora import LoraConfig, add_lora, lora_parameters
    from miniclaude.training.config import TrainingConfig
    from miniclaude.training.loop import train
    from miniclaude.training.packing import PackedBatches
    from miniclaude.training.run_log import RunLog

    frozen = case.method == "lora"
    dtype = getattr(torch, case.dtype if frozen else "float32")
    model = load_model(folder / BASE, device=case.device, dtype=dtype)
    model.requires_grad_(not frozen)
    if frozen:
        add_lora(model, LoraConfig(r=RANK, alpha=ALPHA, targets=("c_attn",)))
        start = load_file(folder / ADAPTER)
        with torch.no_grad():
            for name, parameter in lora_parameters(model):
                if "lora_A" in name:
                    parameter.copy_(start[name.split(".")[2]])
    rows = read_rows(folder, case)
    documents = TokenSet.gather(TokenDocument(row.ids, row.learn, 0) for row in rows)
    each = BATCH * ACCUMULATE // case.forwards  # rows of a forward
    chosen = [np.arange(first, first + each) for first in range(0, len(rows), each)]
    config = TrainingConfig(
        steps=case.steps,
        accumulate=case.forwards,
        learning_rate=case.rate,
        betas=(0.9, 0.999),
        epsilon=1e-8,
        weight_decay=0.0,
        warmup=0,
        schedule="constant",
        autocast=case.dtype,  # type: ignore[arg-type]
    )
    times: list[tuple[float, float]] = []
    losses: list[float] = []

    def note(record: Any) -> None:
        times.append((time.perf_counter(), time.process_time()))
        losses.append(record["loss"])

    log = RunLog(terminal=io.StringIO(), listener=note)
    train(model, PackedBatches(documents, chosen), config, log=log)
    return report(rows, times, losses)


def theirs(folder: Path, case: Case) -> dict[str, Any]:
    """peft and Trainer: batches of 4 padded to their longest, accumulated 4 times."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

    model: Any = AutoModelForCausalLM.from_pretrained(
        folder / BASE,
        dtype=getattr(torch, case.peer_base if case.method == "lora" else "float32"),
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        resid_pdrop=0.0,
    )
    if case.method == "lora":
        from peft import LoraConfig, get_peft_model

        lora = LoraConfig(
            r=RANK,
            lora_alpha=ALPHA,
            target_modules=["c_attn"],
            task_type="CAUSAL_LM",
            fan_in_fan_out=True,
        )
        model = get_peft_model(model, lora)
        start = load_file(folder / ADAPTER)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_A" in name:
                    parameter.copy_(start[name.split(".h.")[1].split(".")[0]])
    rows = read_rows(folder, case)
    times: list[tuple[float, float]] = []
    losses: list[float] = []

    class Clock(TrainerCallback):
        """Notes the loss and the time of every step."""

        def on_log(self, *_: Any, logs: dict[str, float] | None = None, **__: Any) -> None:
            if logs and "loss" in logs:
                times.append((time.perf_counter(), time.process_time()))
                losses.append(logs["loss"])

    def collate(batch: list[Row]) -> dict[str, torch.Tensor]:
        longest = max(len(row.ids) for row in batch)
        size = (len(batch), longest)
        ids, mask = torch.zeros(size, dtype=torch.long), torch.zeros(size, dtype=torch.long)
        labels = torch.full(size, -100)
        for place, row in enumerate(batch):
            length = len(row.ids)
            ids[place, :length] = torch.tensor(row.ids)
            mask[place, :length] = 1
            learn = torch.tensor(row.learn)
            labels[place, :length][learn] = ids[place, :length][learn]
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}

    class Rows(torch.utils.data.Dataset[Row]):
        def __len__(self) -> int:
            return len(rows)

        def __getitem__(self, number: int) -> Row:
            return rows[number]

    arguments = TrainingArguments(
        output_dir=str(folder / "theirs"),
        per_device_train_batch_size=BATCH,
        gradient_accumulation_steps=ACCUMULATE,
        max_steps=case.steps,
        learning_rate=case.rate,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        bf16=case.dtype == "bfloat16",
        use_cpu=case.device == "cpu",
        disable_tqdm=True,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Rows(),
        data_collator=collate,
        callbacks=[Clock()],
    )
    trainer.train()
    return report(rows, times, losses)


def report(
    rows: list[Row], times: list[tuple[float, float]], losses: list[float]
) -> dict[str, Any]:
    """Of the steps after the first, which pays for warming up."""
    later = rows[BATCH * ACCUMULATE :]
    figures: dict[str, Any] = {
        "losses": losses,
        "seconds": times[-1][0] - times[0][0],
        "cpu_seconds": times[-1][1] - times[0][1],
        "tokens": sum(len(row.ids) for row in later),
        "learnt": sum(sum(row.learn) for row in later),
        "squares": sum(len(row.ids) ** 2 for row in later),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    import torch

    if torch.cuda.is_available():
        figures["device_peak_mb"] = torch.cuda.max_memory_allocated() / 1e6
    return figures


SIDES = {"ours": ours, "theirs": theirs}


def measure(side: str, folder: Path, case: Case) -> dict[str, Any]:
    """Run one side in a process of its own."""
    result = subprocess.run(
        [sys.executable, __file__, side, str(folder), json.dumps(asdict(case))],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={
            **os.environ,
            "OMP_NUM_THREADS": str(case.threads),
            "TRANSFORMERS_VERBOSITY": "error",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        },
    )
    lines = [line for line in result.stdout.splitlines() if line.startswith('{"losses"')]
    figures: dict[str, Any] = json.loads(lines[-1])
    return figures


def compare(folder: Path, case: Case, shape: dict[str, int], peak_tflops: float) -> dict[str, Any]:
    """Both sides, one after the other, and their ratios; each above 1 where ours is better."""
    results = {side: measure(side, folder, case) for side in SIDES}
    mine, other = results["ours"], results["theirs"]
    rates = {side: figures["tokens"] / figures["seconds"] for side, figures in results.items()}
    apart = [abs(a - b) for a, b in zip(mine["losses"], other["losses"], strict=True)]
    label = f"{case.method} {case.dtype}, their base {case.peer_base}"
    print(f"{label:40}{'tokens/s':>12}{'CPU s':>8}{'peak MB':>10}{'last loss':>12}")
    for side, figures in results.items():
        line = f"{rates[side]:12.1f}{figures['cpu_seconds']:8.1f}{figures['peak_mb']:10.0f}"
        print(f"{side:40}{line}{figures['losses'][-1]:12.4f}")
    comparison: dict[str, Any] = {
        "method": case.method,
        "dtype": case.dtype,
        "their_base": case.peer_base,
        "tokens_per_second": {side: round(rate, 1) for side, rate in rates.items()},
        "peak_mb": {side: round(figures["peak_mb"]) for side, figures in results.items()},
        "speed": round(rates["ours"] / rates["theirs"], 3),
        "speed_by_cpu_seconds": round(
            (mine["tokens"] / mine["cpu_seconds"]) / (other["tokens"] / other["cpu_seconds"]), 3
        ),
        "memory": round(mine["peak_mb"] / other["peak_mb"], 3),
        "largest_loss_difference": round(max(apart), 5),
        "losses": {side: figures["losses"] for side, figures in results.items()},
    }
    if case.device != "cpu":
        comparison["mfu"] = {
            side: round(flops(figures, case, shape) / figures["seconds"] / (peak_tflops * 1e12), 4)
            for side, figures in results.items()
        }
        comparison["device_peak_mb"] = {s: round(f["device_peak_mb"]) for s, f in results.items()}
    return comparison


def flops(figures: dict[str, Any], case: Case, shape: dict[str, int]) -> float:
    """Floating-point operations that the run's real tokens need, whatever a side really does.

    A matrix of p parameters costs 2p a token forwards and 2p for the gradient of its input; what is
    trained 2p more for its own. The head is needed where a token is learnt. Attention of a row of
    n tokens costs 2 · n² · width in each layer forwards (scores and mixing, half of them masked),
    twice that backwards.
    """
    width, layers = shape["width"], shape["layers"]
    passes = 4 if case.method == "lora" else 6
    blocks = 12 * width * width * layers
    head = shape["vocab_size"] * width
    attention = 6 * width * layers * figures["squares"]
    return float(passes * (blocks * figures["tokens"] + head * figures["learnt"]) + attention)


def options(description: str) -> argparse.ArgumentParser:
    """Those that the benchmarks share."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], action="append")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--length", type=int, default=256, help="most tokens of a row")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--forwards", type=int, choices=[1, 2, 4, 8, 16], default=2)
    parser.add_argument("--peak-tflops", type=float, default=989.0, help="bf16, for --device cuda")
    parser.add_argument("--quick", action="store_true", help="a tiny model, to see that it runs")
    return parser


if __name__ == "__main__":
    name, where, told = sys.argv[1:]
    told_case = Case(**json.loads(told))
    if told_case.device == "cpu":
        import torch

        torch.set_num_threads(told_case.threads)
    print(json.dumps(SIDES[name](Path(where), told_case)), flush=True)
