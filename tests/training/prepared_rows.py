"""A prepared dataset's folder, written by hand: what the pipeline leaves, without its gates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from miniclaude.data.prepared import (
    MANIFEST,
    SPLITS,
    VERSION,
    PreparedDataset,
    content_fingerprint,
)
from miniclaude.model.new_file import sha256_of

Row = dict[str, object]


def chat_row(question: str, answer: str) -> Row:
    """One exchange."""
    return {"messages": [_message("user", question), _message("assistant", answer)]}


def preference_row(question: str, better: str, worse: str) -> Row:
    """One request with two answers."""
    return {
        "messages": [_message("user", question)],
        "chosen": [_message("assistant", better)],
        "rejected": [_message("assistant", worse)],
    }


def write_prepared(
    folder: Path, train: Sequence[Row], validation: Sequence[Row] = (), task: str = "supervised"
) -> PreparedDataset:
    """Write the rows and open the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    splits = dict(zip(SPLITS, (train, validation), strict=True))
    hashes = {}
    files = {}
    for split, rows in splits.items():
        path = folder / f"{split}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        hashes[path.name] = sha256_of(path)
        files[path.name] = {"bytes": path.stat().st_size, "sha256": hashes[path.name]}
    manifest = {
        "version": VERSION,
        "task": task,
        "fingerprint": content_fingerprint(hashes),
        "rows": {split: len(rows) for split, rows in splits.items()},
        "files": files,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return PreparedDataset.open(folder)


def _message(role: str, content: str) -> Row:
    return {"role": role, "content": content}
