"""Near-duplicates and the split by sketches, against the stages that read every row."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from miniclaude.data.clean_processes import clean_rows
from miniclaude.data.duplicates import NearDuplicates
from miniclaude.data.example import Example, Place
from miniclaude.data.item_lines import item_line, row_line
from miniclaude.data.judged_rows import read_judged
from miniclaude.data.reading import read_examples
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.rejection import Rejection
from miniclaude.data.sort_rows import sort_rows
from miniclaude.data.split import split
from miniclaude.data.validate import Measures
from miniclaude.errors import DatasetError
from tests.data.rows import different, said, write_rows


def judged(tmp_path: Path, rows: list[object], options: PrepareOptions) -> Path:
    """Rows that have been through the first step."""
    path = write_rows(tmp_path / "my.jsonl", rows)
    out = tmp_path / "judged.rows"
    clean_rows([path], options, out, lambda done, total: None)
    return out


@pytest.mark.parametrize("validation", [0.0, 0.3])
def test_sketches_sort_as_the_stages_do(tmp_path: Path, validation: float) -> None:
    """The step never reads the rows: what it does with numbers must be what the stages do with
    texts, row by row, and the measures those of the rows themselves."""
    rows: list[object] = [*different(700), "not json", *different(9), said("One", "two.")]
    rows += [Example(row.place, row.messages + row.messages) for row in different(40)]
    options = PrepareOptions(validation=validation, seed=5)
    out = judged(tmp_path, rows, options)
    files = {name: BytesIO() for name in ("train", "validation", "rejected")}
    report = sort_rows(out, files, options, "supervised", lambda done: None, folder=tmp_path)

    wanted: dict[str, list[str]] = {name: [] for name in files}
    measures = Measures()
    kept = NearDuplicates(options.duplicates).run(read_examples(tmp_path / "my.jsonl"))
    for side, item in split(kept, validation, options.seed):
        if isinstance(item, Rejection):
            wanted["rejected"].append(item_line(item))
        else:
            wanted[side].append(row_line(item))
            measures.add(item)
    written = {name: file.getvalue().decode().split("\n")[:-1] for name, file in files.items()}
    assert written == wanted
    assert len(written["rejected"]) >= 10
    assert report["counts"] == {name: len(lines) for name, lines in wanted.items()}
    measured = report["measured"]
    assert isinstance(measured, dict)
    assert measured["measures"] == measures.as_dict()
    assert measured["leaked"] == 0


def test_rows_of_another_task_are_no_duplicates_of_anything(tmp_path: Path) -> None:
    """They leave by name before they are searched, wherever in a chunk they stand."""
    text = Example(Place("x", 1), text=" ".join(different(1)[0].messages[1].text.split()))
    options = PrepareOptions(validation=0)
    out = judged(tmp_path, [text, *different(5), text], options)
    files = {name: BytesIO() for name in ("train", "validation", "rejected")}
    sort_rows(out, files, options, "supervised", lambda done: None, folder=tmp_path)
    assert files["rejected"].getvalue().count(b'"mixed_tasks"') == 2
    assert files["train"].getvalue().count(b"\n") == 5


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """Half a chunk, as a disk may leave it, is no traceback."""
    out = judged(tmp_path, list(different(5)), PrepareOptions())
    data = out.read_bytes()
    for size in (20, len(data) // 2, len(data) - 8):
        out.write_bytes(data[:size])
        with pytest.raises(DatasetError, match="chunk 1 is damaged"):
            list(read_judged(out))
