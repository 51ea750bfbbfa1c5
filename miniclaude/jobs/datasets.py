"""Datasets as the server offers them: made from uploads, made anew with mended rows, deleted."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from miniclaude.data.browse import Json, RejectedRow, example_at, rejected_row, texts_of
from miniclaude.data.example import Example, Place, to_row
from miniclaude.data.prepared import PreparedDataset, Split, find_dataset, remove_dataset
from miniclaude.data.preview import as_json, preview
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.rejection import Item, Rejection
from miniclaude.data.seed import NAMES as SEED
from miniclaude.data.source_names import SourceNames
from miniclaude.errors import ConflictError, DatasetError, InvalidRequestError, StoreError
from miniclaude.jobs.plan import DATASET
from miniclaude.jobs.preparing import Preparation, Preparations
from miniclaude.model.library import InstalledModel, Library
from miniclaude.store.file_folder import FileFolder
from miniclaude.store.files import Files, StoredFile, new_file_id
from miniclaude.store.jobs import Jobs
from miniclaude.tokenizer.load import load_tokenizer
from miniclaude.tokenizer.tokenizer import Tokenizer

SOURCES = ".sources"
"""Beside the datasets: uploads under their own names, whose endings say how they are read."""
MOST_TOKENS = 4_000
"""Of a part of a row, that are shown."""
MOST_CHARACTERS = 400_000
"""Of a row whose tokens are shown; a longer one would take minutes."""
VERSION = re.compile(r"(.+)-v([1-9]\d{0,5})")
MENDED = "Mended by hand"


class Datasets:
    """One home folder's, all its owner's. preparations: where they are made."""

    def __init__(
        self,
        folder: Path,
        preparations: Preparations,
        files: Files,
        bytes_of: FileFolder,
        jobs: Jobs,
        library: Library,
        place: str,
    ) -> None:
        self.folder = folder
        self.preparations = preparations
        self._files = files
        self._bytes = bytes_of
        self._jobs = jobs
        self._library = library
        self._place = place

    def find(self, name: str) -> PreparedDataset:
        """Raises InvalidRequestError, NotFoundError, DatasetError."""
        return find_dataset(self.folder, name)

    async def prepare(
        self, owner: str, name: str, sources: Sequence[str], options: PrepareOptions
    ) -> Preparation:
        """Begin to prepare uploads, by their ids, or `seed`. Raises as `Preparations.begin`, and
        InvalidRequestError for a file that is not there."""
        paths = []
        for number, source in enumerate(sources):
            if source in SEED:
                paths.append("seed")
                continue
            file = await self._files.get(owner, source)
            paths.append(str(await asyncio.to_thread(self._link, file, f"sources[{number}]")))
        return self.preparations.begin(owner, name, paths, options)

    async def mend(self, owner: str, name: str, rows: Sequence[Mapping[str, Any]]) -> Preparation:
        """Begin to prepare the next version: the same sources, and behind them these rows. The
        dataset itself stays as it is. Raises as `prepare`, and InvalidRequestError for a row that
        cannot be used."""
        from miniclaude.data.source_rows import options_of  # loads what computes

        dataset = await asyncio.to_thread(self.find, name)

        def check() -> None:
            for number, row in enumerate(rows):
                judged = judge(dataset, row)
                if isinstance(judged, Rejection):
                    raise InvalidRequestError(
                        f"rows[{number}]: {judged.error}: {judged.message}",
                        hint=judged.cure,
                        param=f"rows[{number}]",
                        code=judged.error,
                    )
            for source in dataset.sources:
                if source not in SEED and "://" not in source and not Path(source).exists():
                    raise DatasetError(
                        f"{Path(source).name}, which {name!r} was made from, has gone.",
                        hint="Upload it again, with the rows mended in it.",
                    )

        def write(file_id: str, version: str) -> StoredFile:
            with self._bytes.write(file_id, 1 << 30) as writer:
                for row in rows:
                    writer.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
            return StoredFile.written(
                file_id,
                writer,
                place=self._place,
                name=f"{version}-mended.jsonl",
                purpose="fine-tune",
            )

        await asyncio.to_thread(check)
        self.preparations.require_idle()
        version = await asyncio.to_thread(self._next_version, name)
        file_id = new_file_id()
        try:
            file = await self._files.add(owner, await asyncio.to_thread(write, file_id, version))
        except BaseException:
            self._bytes.remove(file_id)
            raise
        sources = [*dataset.sources, str(await asyncio.to_thread(self._link, file, "rows"))]
        return self.preparations.begin(owner, version, sources, options_of(dataset))

    async def delete(self, name: str) -> None:
        """Remove a dataset; what it was made from stays. Raises NotFoundError, ConflictError while
        a job that is not finished needs it."""
        user = await self._jobs.user_of(self._place, DATASET + name)
        if user is not None:
            raise ConflictError(
                f"The dataset {name!r} is used by the job {user}, which is not finished.",
                hint="Wait until it is, or cancel it first.",
            )
        await asyncio.to_thread(remove_dataset, self.folder, name)

    def rejected(self, name: str, number: int) -> Json:
        """A row that was left out, whole where its source is still there, and the row that it
        repeats, where it does. Raises NotFoundError, DatasetError."""
        from miniclaude.data.source_rows import row_text  # loads what computes

        dataset = self.find(name)
        found = rejected_row(dataset, number)
        told = {**found.told, "whole": found.whole, "repeats": _repeated(dataset, found)}
        if not found.whole and (text := row_text(dataset, found.place)) is not None:
            told |= {"row": text, "whole": True}
        return told

    def tokens(self, name: str, split: Split, number: int, model: str) -> Json:
        """A row's tokens as `model` sees them, and which of them are learnt; of each part the first
        4,000. Raises NotFoundError, ModelNotFoundError, DatasetError, TokenizerError, and
        InvalidRequestError for a row that is too long."""
        example = example_at(self.find(name), split, number)
        length = sum(map(len, texts_of(to_row(example))))
        if length > MOST_CHARACTERS:
            raise InvalidRequestError(
                f"Row {number:,} has {length:,} characters, too many to show its tokens.",
                hint=f"Look at one with at most {MOST_CHARACTERS:,}.",
                param="number",
            )
        told = as_json(example, preview(example, _tokenizer_of(self._library.find(model))))
        for part in told["parts"]:  # type: ignore[attr-defined]
            part["tokens"] = part["tokens"][:MOST_TOKENS]
        return told

    def _next_version(self, name: str) -> str:
        base, number = version_of(name)
        while True:
            number += 1
            if not (self.folder / f"{base}-v{number}").exists():
                return f"{base}-v{number}"

    def _link(self, file: StoredFile, param: str) -> Path:
        """An upload's bytes under its own name."""
        path = self._bytes.path(file.id)
        if file.place != self._place or not path.is_file():
            raise InvalidRequestError(
                f"{param}: the bytes of {file.name} are not on this machine.",
                hint="Upload the file again.",
                param=param,
                code="file_not_found",
            )
        name = re.sub(r"[^\w.() -]+", "_", file.name).strip(". ")[-120:] or "rows.jsonl"
        link = self.folder / SOURCES / file.id / name
        try:
            link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(path)
        except OSError as error:
            raise StoreError(
                f"The datasets' folder cannot be written: {error.strerror or error}.",
                hint="Check the space and the permissions of the home folder.",
            ) from error
        return link


def judge(dataset: PreparedDataset, row: Mapping[str, Any]) -> Item:
    """What the pipeline makes of a row written by hand for this dataset."""
    from miniclaude.data.one_row import judge_row  # loads what computes
    from miniclaude.data.source_rows import options_of

    return judge_row(dict(row), Place(MENDED, 1), options_of(dataset), dataset.task)


def judged_json(item: Item) -> Json:
    """The row as it would be kept, or why it would not be."""
    if isinstance(item, Example):
        return {"kept": True, "row": to_row(item)}
    return {"kept": False, "error": item.error, "message": item.message, "cure": item.cure}


def version_of(name: str) -> tuple[str, int]:
    """A dataset's name without its version, and the version.

    >>> version_of("talk-v3"), version_of("talk")
    (('talk', 3), ('talk', 1))
    """
    found = VERSION.fullmatch(name)
    return (found[1], int(found[2])) if found else (name, 1)


def _repeated(dataset: PreparedDataset, found: RejectedRow) -> Json | None:
    from miniclaude.data.source_rows import row_text  # loads what computes

    if found.repeats is None:
        return None
    place = SourceNames.of(dataset).plain(str(found.repeats))
    return {"place": place, "row": row_text(dataset, found.repeats)}


def _tokenizer_of(model: InstalledModel) -> Tokenizer:
    """As the model answers: an adapter with its base's tokens and its own template. Raises
    ModelNotFoundError where the base is gone, TokenizerError."""
    stamps = (model.stamp, "" if model.base is None else model.base.stamp)
    return _tokenizer(model.weights, model.adapter, stamps)


@lru_cache(maxsize=4)
def _tokenizer(folder: Path, templates: Path | None, stamps: tuple[str, str]) -> Tokenizer:
    """Read once. stamps: others once a file of either folder was written or replaced."""
    return load_tokenizer(folder, templates=templates)
