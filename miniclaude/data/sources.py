"""The files that a source on this machine means: itself, those of a folder, or those of a data
set that Hugging Face's `datasets` saved."""

from __future__ import annotations

import json
import re
from pathlib import Path

from miniclaude.data.rows import ENDINGS, ending
from miniclaude.errors import DatasetError

MAX_LISTING = 16 << 20
"""Bytes of a data set's own list of files."""
MAX_FILES = 10_000
NOT_ROWS = re.compile(r"dataset_infos?\.json|(readme|licen[cs]e|notice|changelog)\b", re.IGNORECASE)
"""Files in a data set's folder that are about it."""


def files_of(source: Path) -> list[Path]:
    """The files to read, in order.

    Of a saved `DatasetDict`, the split `train`, or the only one; of any other folder, the files
    with a known ending in it and in its `data` folder.
    Raises DatasetError when there are none, or the folder has several splits and no `train`.
    """
    if not source.is_dir():
        return [source]
    splits = _listing(source / "dataset_dict.json", "splits")
    if splits is not None:
        names = [split for split in splits if isinstance(split, str)]
        chosen = "train" if "train" in names else names[0] if len(names) == 1 else None
        if chosen is None:
            raise DatasetError(
                f"{source} has the splits {', '.join(names) or 'none'}.",
                hint="Name the folder of one of them.",
                code="several_splits",
            )
        return files_of(_inside(source, chosen))
    listed = _listing(source / "state.json", "_data_files")
    if listed is not None:
        named = [entry.get("filename") for entry in listed if isinstance(entry, dict)]
        return [_inside(source, name) for name in named if isinstance(name, str)]
    files = sorted(
        path
        for folder in (source, source / "data")
        if folder.is_dir()
        for path in folder.iterdir()
        if ending(path.name) and path.is_file() and not NOT_ROWS.match(path.name)
    )
    if not files or len(files) > MAX_FILES:
        raise DatasetError(
            f"{source} is a folder with {'no' if not files else 'too many'} files of rows.",
            hint=f"Name a file that ends in one of {', '.join(ENDINGS)}, or a folder with such.",
            code="no_files",
        )
    return files


def _listing(path: Path, key: str) -> list[object] | None:
    """The list that a data set's own JSON file has under `key`; None without such a file."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(MAX_LISTING))
        listed = value[key]
        if isinstance(listed, list) and len(listed) <= MAX_FILES:
            return listed
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        pass
    raise DatasetError(
        f"{path} is not the list of a saved data set.",
        hint="Save the data set again with save_to_disk.",
        code="unreadable_file",
    )


def _inside(folder: Path, name: str) -> Path:
    """A file or folder directly in `folder`: what a data set says of itself leads nowhere else."""
    if name in ("", ".", "..") or Path(name).name != name or "\\" in name:
        raise DatasetError(
            f"{folder} names a file {name!r} that is not in it.",
            hint="Save the data set again with save_to_disk.",
            code="unreadable_file",
        )
    return folder / name
