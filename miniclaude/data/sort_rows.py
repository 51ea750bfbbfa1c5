"""The second step of the pipeline: near-duplicates are rejected, and each row that is left goes to
its side of the split.

It sees all rows one after the other, so one process does it; what can be known of a row alone was
found before (`judged_rows.py`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from miniclaude.data.accounts import Leakage
from miniclaude.data.duplicates import NearDuplicates
from miniclaude.data.example import Example
from miniclaude.data.item_lines import item_line, read_row, row_line
from miniclaude.data.judged_rows import JudgedRows, KeptRow, read_judged
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.rejection import SHOWN, Rejection
from miniclaude.data.split import Sides, between
from miniclaude.data.validate import Measures


def sort_rows(
    judged: Path,
    files: Mapping[str, BinaryIO],
    options: PrepareOptions,
    task: str,
    tell: Callable[[int], None],
    *,
    folder: Path,
) -> dict[str, object]:
    """Write every row of a file of judged rows to one of `files`, see `RowSorter`. tell: the rows
    done so far. Returns the report. Raises DatasetError when the file is damaged, or beyond 200
    million rows."""
    with RowSorter(files, options, task, folder=folder) as sorter:
        for chunk in read_judged(judged):
            sorter.add(chunk)
            tell(sorter.rows)
        return sorter.report()


class RowSorter:
    """Writes each row to one of `files`: `train`, `validation` (JSON Lines for training) or
    `rejected` (items). Used within a `with` statement, which closes its temporary files."""

    def __init__(
        self, files: Mapping[str, BinaryIO], options: PrepareOptions, task: str, *, folder: Path
    ) -> None:
        """task: what the rows are for; those of others are rejected. folder: for temporary
        files."""
        self.task = task
        self._files = files
        self._options = options
        self._counts: Counter[str] = Counter(dict.fromkeys(files, 0))
        self._measures = Measures()
        self._prompts = Leakage()
        self._duplicates = NearDuplicates(options.duplicates, folder=folder)
        self._sides = Sides(options.validation, options.seed, folder=folder)

    def __enter__(self) -> RowSorter:
        return self

    def __exit__(self, *_: object) -> None:
        self._duplicates.close()
        self._sides.close()

    @property
    def rows(self) -> int:
        """Rows done so far."""
        return self._counts.total()

    def add(self, chunk: JudgedRows) -> None:
        """The next rows. Raises DatasetError beyond 200 million rows."""
        rejections = _find_rejections(chunk, self.task, self._duplicates)
        left = [row not in rejections for row, kept in enumerate(chunk.kept) if kept]
        mask = np.array(left, np.bool_)
        rows = [kept for row, kept in enumerate(chunk.kept) if kept and row not in rejections]
        openings = chunk.openings.only(mask) if self._options.validation else chunk.openings
        found = self._sides.find(rows, openings)
        trained: list[bool] = []
        trained_rows: list[KeptRow] = []
        lines: dict[str, list[bytes]] = {name: [] for name in self._files}
        for row, (line, kept) in enumerate(zip(chunk.lines, chunk.kept, strict=True)):
            rejection = rejections.get(row)
            if kept is not None and rejection is None:
                side = next(found)
                trained.append(not isinstance(side, tuple))
                if not isinstance(side, tuple):
                    self._prompts.add(side, kept.key)
                    trained_rows.append(kept)
                    lines[side].append(line)
                    continue
                rejection = between(read_row(line, kept.place), *side)
            if rejection is not None:
                line = item_line(rejection).encode() + b"\n"
            lines["rejected"].append(line)
        for name, listed in lines.items():
            self._files[name].write(b"".join(listed))
            self._counts[name] += len(listed)
        self._measures.add_facts(trained_rows)
        texts = chunk.texts.only(mask).only(np.array(trained, np.bool_))
        self._measures.add_trigrams(texts.shingles.hashes)

    def report(self) -> dict[str, object]:
        """Task, counts, stages, and what was measured of the rows that are left."""
        counts = dict(self._counts)
        return {
            "task": self.task,
            "counts": counts,
            "stages": {self._duplicates.name: self._duplicates.report()},
            "measured": {
                "train": counts["train"],
                "validation": counts["validation"],
                "measures": self._measures.as_dict(),
                "leaked": self._prompts.shared,
            },
        }


def _find_rejections(
    chunk: JudgedRows, task: str, duplicates: NearDuplicates
) -> dict[int, Rejection]:
    """The rows of a chunk that are for another task, or repeat an earlier one."""
    rejections: dict[int, Rejection] = {}
    numbers: list[int] = []  # of the rows that are searched
    rows: list[KeptRow] = []
    fits: list[bool] = []
    for number, kept in enumerate(chunk.kept):
        if kept is None:
            continue
        fits.append(kept.task == task)
        if kept.task == task:
            numbers.append(number)
            rows.append(kept)
        else:
            example = read_row(chunk.lines[number], kept.place)
            rejections[number] = _of_another_task(example, task)
    repeated = duplicates.find(rows, chunk.texts.only(np.array(fits, np.bool_)))
    for row, earlier in repeated.items():
        number = numbers[row]
        line = json.loads(chunk.lines[number])
        rejections[number] = duplicates.reject(rows[row].place, line, *earlier)
    return rejections


def _of_another_task(example: Example, task: str) -> Rejection:
    return Rejection(
        example.place,
        "mixed_tasks",
        f"This row is for {example.task} training, most of the others are for {task}.",
        "Put it in a file of its own and prepare that as another dataset.",
        row_line(example)[:SHOWN],
    )
