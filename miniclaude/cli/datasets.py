"""Datasets as the commands name them: what a source's is called, and how sources are reached."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from miniclaude.model.hub_data import HubSource

ENDING = re.compile(r"\.(jsonl?|ndjson|csv|tsv|txt|md|parquet|arrow|gz|xz)$", re.IGNORECASE)
MOST = 60
"""Characters of a name that nobody chose."""


def name_of(source: str) -> str:
    """A dataset's name from its first source: `data/My rows.json` → `My-rows`."""
    stem = Path(source.rstrip("/")).name
    for _ in range(2):  # .jsonl.gz
        stem = ENDING.sub("", stem)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:MOST]
    return name or "dataset"


def refuse_another(
    folder: Path,
    sources: Sequence[str],
    *,
    replace: bool,
    hint: str = "Choose another --name, or give --replace.",
) -> None:
    """A dataset of this name that was made from other files is not lost by a slip.

    Raises ConflictError with the hint.
    """
    from miniclaude.data.prepared import PreparedDataset
    from miniclaude.errors import ConflictError, DatasetError

    if replace or not folder.is_dir():
        return
    try:
        dataset = PreparedDataset.open(folder)
    except DatasetError:
        return
    if dataset.sources != list(sources):
        raise ConflictError(
            f"There is a dataset {folder.name!r} already, made from {', '.join(dataset.sources)}.",
            hint=hint,
            param="name",
        )


def hub_source(home: Path | None) -> HubSource:
    """Where `hf://` rows come from."""
    from miniclaude.model.hub_data import HubSource
    from miniclaude.settings import load_settings

    settings = load_settings(home)
    token = settings.hf_token
    return HubSource(settings.hf_endpoint, None if token is None else token.get_secret_value())
