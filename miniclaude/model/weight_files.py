"""Which files of a model folder hold its weights. No torch.

A folder may hold the same weights twice, in a format of their author's own beside Hugging Face's;
what is loaded, counted, copied and published is what is found here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from miniclaude.errors import CheckpointError
from miniclaude.model.config_json import ConfigFields, read_json_object

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.00.pth")
SHARD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.safetensors")
MAX_INDEX_BYTES = 32 << 20


def weight_files(folder: Path) -> list[Path]:
    """model.safetensors, or else the shards that the index names. Raises CheckpointError when a
    file is missing, or when there are only pickles."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not (folder / INDEX).is_file():
        pickles = [name for name in PICKLES if (folder / name).exists()]
        if pickles:
            raise CheckpointError(
                f"{folder} has its weights only in {pickles[0]}, a pickle, which can run any"
                " program while it loads and is therefore never opened.",
                hint="Fetch a revision of the model that has safetensors files, or convert it"
                " where you trust it: transformers' save_pretrained writes them.",
            )
        raise CheckpointError(
            f"{folder} has neither {WEIGHTS} nor {INDEX}.", hint="Fetch the model folder again."
        )
    weight_map = ConfigFields(
        folder / INDEX, read_json_object(folder / INDEX, MAX_INDEX_BYTES)
    ).section("weight_map")
    shards = shard_names(folder, {} if weight_map is None else weight_map.values)
    for shard in shards:
        if not (folder / shard).is_file():
            raise CheckpointError(
                f"{folder} lacks the shard {shard}, which {INDEX} names.",
                hint="Fetch the model folder again; files already complete are not fetched twice.",
            )
    return [folder / shard for shard in shards]


def shard_names(folder: Path, weight_map: Mapping[str, object]) -> list[str]:
    """The files an index names, each once. Raises CheckpointError for a name that is no plain
    file name, and so might lead out of the folder."""
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        if not SHARD_NAME.fullmatch(name):
            raise CheckpointError(
                f"{folder / INDEX} names the shard {name!r:.80}, which is not a plain file name.",
                hint="A shard must lie in the model folder itself; do not trust this one.",
            )
    return names
