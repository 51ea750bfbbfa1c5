"""A dataset that is ready for training: a folder that `pipeline.prepare` has finished.

train.jsonl validation.jsonl   rows in OpenAI's form (see `example.to_row`)
rejected.jsonl                 what was left out: place, error, message, cure
report.json report.html        what the rows are like
manifest.json                  counts, recipe, and the hash of every file; written last
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from miniclaude.data.example import Example, Place, Task, from_row
from miniclaude.errors import DatasetError, InvalidRequestError, NotFoundError
from miniclaude.model.library import PART
from miniclaude.model.new_file import sha256_of

Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = ("train", "validation")
MANIFEST = "manifest.json"
REPORT = "report.json"
PAGE = "report.html"
REJECTED = "rejected.jsonl"
MAX_JSON_BYTES = 64 << 20
VERSION = 1


@dataclass(frozen=True, slots=True)
class PreparedDataset:
    """An opened dataset. manifest: as it was written; see `open`."""

    folder: Path
    manifest: Mapping[str, object]

    @classmethod
    def open(cls, folder: Path) -> PreparedDataset:
        """Raises DatasetError for a folder that is not a finished dataset: no manifest, a file
        missing, or of another size than the manifest says."""
        manifest = _read_json(folder / MANIFEST)
        files = manifest.get("files")
        if manifest.get("version") != VERSION or not isinstance(files, dict):
            raise DatasetError(
                f"{folder} is not a dataset that this version of Mini-Claude has prepared.",
                hint="Prepare it again with `mini-claude data prepare`.",
            )
        for name, facts in files.items():
            path = folder / Path(name).name
            if not path.is_file() or path.stat().st_size != facts.get("bytes"):
                raise DatasetError(
                    f"{path} is missing, or was changed since it was prepared.",
                    hint="Prepare the dataset again with `mini-claude data prepare`.",
                )
        return cls(folder, manifest)

    @property
    def name(self) -> str:
        """Its name in the library."""
        return self.folder.name

    @property
    def task(self) -> Task:
        """What the rows can be trained for."""
        return cast("Task", self.manifest["task"])

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the rows: equal for equal rows, whatever the folder is called."""
        return str(self.manifest["fingerprint"])

    @property
    def report(self) -> dict[str, object]:
        """The contents of report.json. Raises DatasetError."""
        return _read_json(self.folder / REPORT)

    @property
    def sources(self) -> list[str]:
        """What it was made from, as it was named."""
        sources = self.manifest.get("sources")
        return [str(source) for source in sources] if isinstance(sources, list) else []

    def count(self, split: Split) -> int:
        """Rows of a split."""
        counts = cast("Mapping[str, int]", self.manifest["rows"])
        return counts[split]

    def examples(self, split: Split) -> Iterator[Example]:
        """The rows of a split, lazily; places are lines of its file. Raises DatasetError."""
        return read_split(self.folder / f"{split}.jsonl")

    def verify(self) -> None:
        """Compare every file with its hash in the manifest. Raises DatasetError."""
        for name, facts in cast(
            "Mapping[str, Mapping[str, object]]", self.manifest["files"]
        ).items():
            if sha256_of(self.folder / Path(name).name) != facts["sha256"]:
                raise DatasetError(
                    f"{self.folder / name} was changed since it was prepared.",
                    hint="Prepare the dataset again with `mini-claude data prepare`.",
                )


def read_split(path: Path) -> Iterator[Example]:
    """The rows of a split's file, lazily; places are its lines. Raises DatasetError."""
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            for number, line in enumerate(file, start=1):
                yield from_row(_row(path, number, line), Place(path.name, number))
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(
            f"{path} cannot be read: {error}.", hint="Prepare the dataset again."
        ) from error


def dataset_folder(datasets: Path, name: str) -> Path:
    """Where the dataset of this name lives. A name can never reach outside `datasets`.

    Raises InvalidRequestError for a name that is not letters, digits, `.`, `_` and `-`.
    """
    if not re.fullmatch(PART, name) or ".." in name:
        shown = name if len(name) <= 100 else name[:100] + "…"
        raise InvalidRequestError(
            f"name: {shown!r} is not a dataset's name.",
            hint="Use letters, digits, '.', '_' and '-', at most 96.",
            param="name",
        )
    return datasets / name


def list_datasets(datasets: Path) -> list[PreparedDataset]:
    """The finished datasets of a library, by name."""
    found: list[PreparedDataset] = []
    if datasets.is_dir():
        for folder in sorted(datasets.iterdir()):
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            with suppress(DatasetError):
                found.append(PreparedDataset.open(folder))
    return found


def find_dataset(datasets: Path, name: str) -> PreparedDataset:
    """Raises InvalidRequestError for a bad name, NotFoundError for one that is not there,
    DatasetError for a folder that is no finished dataset."""
    folder = dataset_folder(datasets, name)
    if not folder.is_dir():
        known = ", ".join(dataset.name for dataset in list_datasets(datasets))
        raise NotFoundError(
            f"There is no dataset {name!r}.",
            hint=f"There are {known}." if known else "Make one: mini-claude data prepare my.json",
            param="name",
        )
    return PreparedDataset.open(folder)


def remove_dataset(datasets: Path, name: str) -> None:
    """Delete a dataset; also one that is damaged. Raises as `dataset_folder`, and NotFoundError."""
    folder = dataset_folder(datasets, name)
    if not folder.is_dir():
        find_dataset(datasets, name)
    # Renamed first: a half-deleted folder has no dataset's name.
    doomed = datasets / f".{name}.removed"
    shutil.rmtree(doomed, ignore_errors=True)
    folder.rename(doomed)
    shutil.rmtree(doomed)


def content_fingerprint(hashes: Mapping[str, str]) -> str:
    """SHA-256 over the hashes of both splits' files; hashes: of each file by its name."""
    named = "\n".join(f"{split} {hashes[f'{split}.jsonl']}" for split in SPLITS)
    return hashlib.sha256(named.encode()).hexdigest()


def _read_json(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(MAX_JSON_BYTES))
    except FileNotFoundError:
        raise DatasetError(
            f"{path.parent} is not a finished dataset: {path.name} is missing.",
            hint="Run `mini-claude data prepare` again; it goes on where it stopped.",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(
            f"{path} cannot be read: {error}.", hint="Prepare the dataset again."
        ) from error
    if not isinstance(value, dict):
        raise DatasetError(f"{path} is not a JSON object.", hint="Prepare the dataset again.")
    return value


def _row(path: Path, number: int, line: str) -> Mapping[str, object]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DatasetError(
            f"{path}, line {number} is not JSON: {error}.", hint="Prepare the dataset again."
        ) from error
    if not isinstance(row, dict):
        raise DatasetError(
            f"{path}, line {number} is not an object.", hint="Prepare the dataset again."
        )
    return row
