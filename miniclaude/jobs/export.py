"""A finished run's model as a folder under `adapters`, listed and served from then on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch

from miniclaude.errors import CheckpointError
from miniclaude.jobs.order import JobOrder
from miniclaude.model.adapter import save_adapter
from miniclaude.model.checkpoint import save_model
from miniclaude.model.config_json import MAX_CONFIG_BYTES, read_json_object
from miniclaude.model.facts import read_facts
from miniclaude.model.transformer import Transformer
from miniclaude.model.tuned import Tuned, publish, read_tuned
from miniclaude.tokenizer.tokenizer import Tokenizer
from miniclaude.training.spec import TuneSpec

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "added_tokens.json",
    "generation_config.json",
)
"""What a whole model takes along from its base, where it is there."""

TEMPLATE = "chat_template.jinja"
STORED = {"BF16": torch.bfloat16, "F16": torch.float16}


def already_there(order: JobOrder) -> Tuned | None:
    """The result of this very order, when it was finished before somebody was told."""
    try:
        return read_tuned(order.adapters / order.model_id)
    except CheckpointError:
        return None


def export(
    order: JobOrder,
    spec: TuneSpec,
    model: Transformer,
    tokenizer: Tokenizer,
    card: str,
    folder: Path,
) -> Tuned:
    """Write the adapter (or the whole model), template and card, and make it appear at once.

    A whole model is stored in its base's number format. Raises what `publish` and `save_model`
    raise.
    """
    staging = folder / "result"
    shutil.rmtree(staging, ignore_errors=True)
    companions = folder / "companions"
    companions.mkdir(exist_ok=True)
    (companions / "README.md").write_text(card, encoding="utf-8")
    beside = [companions / "README.md"]
    sources = {} if tokenizer.template is None else tokenizer.template.sources
    # Of several, an adapter's base has them all. A whole model gets the default as a file, which is
    # what it was taught with; others stand in tokenizer_config.json, where they stood in the base.
    if list(sources) == ["default"] or (spec.method == "full" and "default" in sources):
        (companions / TEMPLATE).write_text(sources["default"], encoding="utf-8")
        beside.append(companions / TEMPLATE)
    if spec.method == "full":
        dtype = STORED.get(read_facts(order.base_folder).floats, torch.float32)
        beside += [path for name in TOKENIZER_FILES if (path := order.base_folder / name).is_file()]
        extra = _kept_config(order.base_folder)
        save_model(model.to(dtype), staging, extra_config=extra, companions=beside)
    else:
        save_adapter(model, staging, base=order.base, companions=beside)
    return publish(
        staging,
        order.adapters,
        base=order.base,
        org=order.org,
        suffix=order.suffix,
        method=spec.method,
        model_id=order.model_id,
    )


def _kept_config(base: Path) -> Mapping[str, object]:
    """Which tokens begin and end a text: config.json may be the only place that says so."""
    fields = read_json_object(base / "config.json", MAX_CONFIG_BYTES)
    return {name: fields[name] for name in ("bos_token_id", "eos_token_id") if name in fields}
