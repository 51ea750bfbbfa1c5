"""Parquet, Arrow and what Hugging Face's `datasets` saves, a batch at a time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

import polars
import pytest

from miniclaude.data import arrow_stream
from miniclaude.data.example import Example, to_row
from miniclaude.data.reading import read_examples
from miniclaude.data.rejection import Rejection
from miniclaude.data.sources import files_of
from miniclaude.data.table_rows import read_arrow
from miniclaude.errors import DatasetError

CHAT = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi!"}]


def frame(count: int) -> polars.DataFrame:
    """Rows of two formats, as tables hold them: every row has all columns, most of them null."""
    return polars.DataFrame(
        {
            "messages": [
                [{**m, "weight": None} for m in CHAT] if n % 2 else None for n in range(count)
            ],
            "text": [None if n % 2 else f"Text {n}." for n in range(count)],
            "score": [0.5] * count,
            "kind": polars.Series(["a", "b"] * (count // 2), dtype=polars.Categorical),
        }
    )


def save_to_disk(folder: Path, table: polars.DataFrame, shards: int = 2) -> None:
    """The layout of `Dataset.save_to_disk`."""
    folder.mkdir(parents=True)
    names = [f"data-{n:05}-of-{shards:05}.arrow" for n in range(shards)]
    step = -(-table.height // shards)
    for n, name in enumerate(names):
        table.slice(n * step, step).write_ipc_stream(folder / name)
    state = {"_data_files": [{"filename": name} for name in names], "_split": "train"}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")


@pytest.mark.parametrize("kind", ["parquet", "arrow", "stream"])
def test_tables_are_read_whole_in_batches(tmp_path: Path, kind: str) -> None:
    table = frame(2_500)
    path = tmp_path / f"rows.{'parquet' if kind == 'parquet' else 'arrow'}"
    if kind == "parquet":
        table.write_parquet(path, row_group_size=700)
    elif kind == "arrow":
        table.write_ipc(path, record_batch_size=700)
    else:
        table.write_ipc_stream(path)
    items = list(read_examples(path))
    assert len(items) == 2_500
    assert str(items[1].place) == f"{path}, row 2"
    assert isinstance(items[0], Example)
    assert to_row(items[0]) == {"text": "Text 0.", "kind": "a"}
    assert isinstance(items[1], Example)
    assert to_row(items[1]) == {"messages": CHAT, "kind": "b"}


def test_null_and_foreign_cells_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    polars.DataFrame(
        {"instruction": ["Hello", None, "Hello"], "output": ["Hi!", "Hi!", None], "n": [1, 2, 3]}
    ).write_parquet(path)
    good, second, third = read_examples(path)
    assert isinstance(good, Example)
    assert isinstance(second, Rejection)
    assert isinstance(third, Rejection)
    assert (second.error, second.place.line) == ("missing_field", 2)
    assert (third.error, third.place.line) == ("missing_field", 3)
    numbers = tmp_path / "numbers.parquet"
    polars.DataFrame({"text": [1.5]}).write_parquet(numbers)
    [item] = read_examples(numbers)
    assert isinstance(item, Rejection)
    assert item.error == "not_text"


def test_a_data_set_saved_on_disk_is_read(tmp_path: Path) -> None:
    save_to_disk(tmp_path / "saved", frame(100))
    items = list(read_examples(tmp_path / "saved"))
    assert len(items) == 100
    assert items[50].place.file.endswith("data-00001-of-00002.arrow")
    assert items[50].place.line == 1


def test_of_several_splits_the_training_split_is_read(tmp_path: Path) -> None:
    """Reading all of them would train on the test set."""
    for split in ("train", "test"):
        save_to_disk(tmp_path / "sets" / split, frame(10), shards=1)
    listing = tmp_path / "sets" / "dataset_dict.json"
    listing.write_text('{"splits": ["train", "test"]}')
    assert [path.parent.name for path in files_of(tmp_path / "sets")] == ["train"]
    assert len(list(read_examples(tmp_path / "sets" / "test"))) == 10
    listing.write_text('{"splits": ["dev", "test"]}')
    with pytest.raises(DatasetError, match="has the splits dev, test") as caught:
        files_of(tmp_path / "sets")
    assert caught.value.hint == "Name the folder of one of them."


def test_a_folder_gives_its_files_of_rows(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("README.md", "LICENSE-NOTE.txt", "b.jsonl", "a.csv.gz", "pic.png", "data/c.json"):
        (tmp_path / name).write_text("x")
    assert [path.name for path in files_of(tmp_path)] == ["a.csv.gz", "b.jsonl", "c.json"]


@pytest.mark.parametrize("name", ["../secret.arrow", "/etc/passwd", "..", "a\\b.arrow"])
def test_a_data_set_cannot_lead_elsewhere(tmp_path: Path, name: str) -> None:
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    with pytest.raises(DatasetError, match="that is not in it"):
        files_of(tmp_path)


@pytest.mark.parametrize("content", ["[", '{"_data_files": 3}', "{}", "[]"])
def test_a_broken_listing_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "state.json").write_text(content)
    with pytest.raises(DatasetError, match=r"state\.json is not the list of a saved data set"):
        files_of(tmp_path)


def test_a_cut_or_damaged_stream_is_named(tmp_path: Path) -> None:
    whole = tmp_path / "whole.arrow"
    frame(2_000).write_ipc_stream(whole)
    data = whole.read_bytes()
    cut = tmp_path / "cut.arrow"
    cut.write_bytes(data[: len(data) // 2])
    with pytest.raises(DatasetError, match=r"cut\.arrow, after row \d+: the file is cut short"):
        list(read_examples(cut))
    for place in range(4, 400, 7):
        cut.write_bytes(data[:place] + b"\xff\xff\xff\x7f" + data[place + 4 :])
        try:
            list(read_examples(cut))
        except DatasetError as error:
            assert str(cut) in error.message  # noqa: PT017  # not every byte matters


def test_batches_are_read_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Polars alone would hold a file of 500 MB as a whole."""
    path = tmp_path / "rows.arrow"
    frame(100).drop("kind").write_ipc_stream(path)
    one = path.read_bytes()
    with path.open("rb") as file:
        schema = read_message(file)
        batch = read_message(file)
    assert schema + batch + arrow_stream.END == one
    path.write_bytes(schema + batch * 30 + arrow_stream.END)
    with path.open("rb") as file:
        heights = [part.height for part in arrow_stream.read_arrow_stream(file, "rows")]
    assert heights == [100] * 30
    assert len(list(read_arrow(path))) == 3_000
    monkeypatch.setattr(arrow_stream, "MAX_BODY", 100)
    with pytest.raises(DatasetError, match="batch of more than"):
        list(read_arrow(path))


def read_message(file: BinaryIO) -> bytes:
    """The next message of an Arrow stream."""
    message = arrow_stream._message(file, "rows")
    assert message is not None
    return message[1]
