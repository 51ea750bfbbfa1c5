"""An adapter and its base as one whole model, in a folder that any program can load."""

from __future__ import annotations

from pathlib import Path

import torch

from miniclaude.model.adapter import load_adapter
from miniclaude.model.checkpoint import load_model, save_model
from miniclaude.model.config_json import MAX_CONFIG_BYTES, read_json_object
from miniclaude.model.facts import read_facts
from miniclaude.model.library import InstalledModel
from miniclaude.model.lora import fold
from miniclaude.model.new_folder import check_no_folder

COMPANIONS = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "generation_config.json",
    "chat_template.jinja",
    "README.md",
)
"""What is taken along: the adapter's where it has one, else the base's."""

STORED = {"BF16": torch.bfloat16, "F16": torch.float16}
TOKENS = ("bos_token_id", "eos_token_id", "pad_token_id")


def write_merged(model: InstalledModel, folder: Path) -> None:
    """Add the adapter to its base's weights, in float32, and store the sum in the base's own number
    format.

    Raises ConflictError when the folder is there already and ModelNotFoundError when the base is
    gone, both before anything is read; CheckpointError, and what `save_model` raises.
    """
    check_no_folder(folder)
    base = model.weights
    merged = load_model(base, dtype=torch.float32)
    if model.adapter is not None:
        load_adapter(merged, model.adapter)
        fold(merged)
    config = read_json_object(base / "config.json", MAX_CONFIG_BYTES)
    found = [
        next((path for path in (model.path / name, base / name) if path.is_file()), None)
        for name in COMPANIONS
    ]
    save_model(
        merged.to(STORED.get(read_facts(base).dtype, torch.float32)),
        folder,
        extra_config={name: config[name] for name in TOKENS if name in config},
        companions=[path for path in found if path is not None],
    )
