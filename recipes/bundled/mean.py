"""The mean of two models of one shape, weight by weight: often better all round than either, where
the second went on from the first (Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima").

    python -m recipes.bundled.mean FIRST SECOND --share 0.8 --to FOLDER
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from miniclaude.model.checkpoint import load_model, save_model
from miniclaude.model.config_json import MAX_CONFIG_BYTES, read_json_object
from recipes.bundled.export import SHARD_BYTES, TOKENIZER_FILES

COMPANIONS = (*TOKENIZER_FILES, "generation_config.json", "README.md")


def mean(first: Path, second: Path, share: float, to: Path) -> None:
    """Write `1 - share` of the first and `share` of the second, stored as `export` does; the rest
    of the folder is the second's. Raises CheckpointError, and RuntimeError for other shapes."""
    model, other = load_model(first), load_model(second)
    theirs = other.state_dict()
    mixed = {name: torch.lerp(own, theirs[name], share) for name, own in model.state_dict().items()}
    model.load_state_dict(mixed)
    ends = read_json_object(second / "config.json", MAX_CONFIG_BYTES)["eos_token_id"]
    save_model(
        model.to(torch.bfloat16),
        to,
        max_shard_bytes=SHARD_BYTES,
        extra_config={"eos_token_id": ends},
        companions=[second / name for name in COMPANIONS if (second / name).is_file()],
        overwrite=True,
        int8=True,
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="recipes.bundled.mean", description=__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of the second, from 0 to 1")
    parser.add_argument("--to", type=Path, required=True)
    options = parser.parse_args()
    mean(options.first, options.second, options.share, options.to)


if __name__ == "__main__":
    main()
