"""The second step of the pipeline: near-duplicates are rejected, and each row that is left goes to
its side of the split.

It sees all rows one after the other, so one process does it; what can be known of a row alone was
found before (`judged_rows.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from miniclaude.data.accounts import Leakage
from miniclaude.data.duplicates import NearDuplicates
from miniclaude.data.example import Example, Place
from miniclaude.data.item_lines import item_line, read_row, row_line
from miniclaude.data.judged_rows import JudgedRows, read_judged
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
    """Write every row of a file of judged rows to one of `files`: `train`, `validation` (JSON Lines
    for training) or `rejected` (items). task: what the rows are for; those of others are rejected.
    tell: the rows done so far. folder: for temporary files.

    Returns the report: task, counts, stages, and what was measured of the rows that are left.
    Raises DatasetError when the file is damaged, or beyond 200 million rows.
    """
    counts: Counter[str] = Counter(dict.fromkeys(files, 0))
    measures = Measures()
    prompts = Leakage()
    with (
        NearDuplicates(options.duplicates, folder=folder) as duplicates,
        Sides(options.validation, options.seed, folder=folder) as sides,
    ):
        for chunk in read_judged(judged):
            rejections = _find_rejections(chunk, task, duplicates)
            left = [row not in rejections for row, kept in enumerate(chunk.kept) if kept]
            mask = np.array(left, np.bool_)
            rows = [kept for row, kept in enumerate(chunk.kept) if kept and row not in rejections]
            places = [row.place for row in rows]
            openings = chunk.openings.only(mask) if options.validation else chunk.openings
            found = sides.find(places, openings)
            trained: list[bool] = []
            for row, (line, kept) in enumerate(zip(chunk.lines, chunk.kept, strict=True)):
                name = "rejected"
                if kept is not None:
                    rejection = rejections.get(row)
                    if rejection is None:
                        side = next(found)
                        trained.append(not isinstance(side, tuple))
                        if isinstance(side, tuple):
                            rejection = between(read_row(line, kept.place), *side)
                        else:
                            name = side
                            prompts.add(name, kept.prompt)
                            measures.add_facts(kept.facts)
                    if rejection is not None:
                        line = item_line(rejection).encode() + b"\n"
                counts[name] += 1
                files[name].write(line)
            texts = chunk.texts.only(mask).only(np.array(trained, np.bool_))
            measures.add_trigrams(texts.shingles.hashes)
            tell(counts.total())
        stages = {duplicates.name: duplicates.report()}
    measured = {
        "train": counts["train"],
        "validation": counts["validation"],
        "measures": measures.as_dict(),
        "leaked": prompts.shared,
    }
    return {"task": task, "counts": dict(counts), "stages": stages, "measured": measured}


def _find_rejections(
    chunk: JudgedRows, task: str, duplicates: NearDuplicates
) -> dict[int, Rejection]:
    """The rows of a chunk that are for another task, or repeat an earlier one."""
    rejections: dict[int, Rejection] = {}
    numbers: list[int] = []  # of the rows that are searched
    places: list[Place] = []
    fits: list[bool] = []
    for number, kept in enumerate(chunk.kept):
        if kept is None:
            continue
        fits.append(kept.task == task)
        if kept.task == task:
            numbers.append(number)
            places.append(kept.place)
        else:
            example = read_row(chunk.lines[number], kept.place)
            rejections[number] = _of_another_task(example, task)
    repeated = duplicates.find(places, chunk.texts.only(np.array(fits, np.bool_)))
    for row, earlier in repeated.items():
        number = numbers[row]
        example = read_row(chunk.lines[number], places[row])
        rejections[number] = duplicates.reject(example, *earlier)
    return rejections


def _of_another_task(example: Example, task: str) -> Rejection:
    return Rejection(
        example.place,
        "mixed_tasks",
        f"This row is for {example.task} training, most of the others are for {task}.",
        "Put it in a file of its own and prepare that as another dataset.",
        row_line(example)[:SHOWN],
    )
