"""Rows of a data set on a hub, read as they arrive."""

from __future__ import annotations

import gzip
import io

import polars
import pytest

from miniclaude.data.example import Example
from miniclaude.data.reading import detect_format, read_examples
from miniclaude.errors import DatasetError, DownloadError
from miniclaude.model.hub_data import HubSource
from tests.model.hub_stand_in import running_hub

REPO = "someone/chats"


def parquet(texts: list[str]) -> bytes:
    file = io.BytesIO()
    polars.DataFrame({"text": texts}).write_parquet(file)
    return file.getvalue()


def test_text_files_are_streamed_and_tables_fetched() -> None:
    files = {
        "README.md": b"# Chats",
        "train/a.jsonl.gz": gzip.compress(b'{"text": "a"}\n\n{"text": "b"}\n'),
        "train/b.json": b'[{"text": "c"}]',
        "train/c.csv": b"text\nd\n",
        "tables/train.parquet": parquet(["e", "f"]),
    }
    with running_hub(REPO, files, kind="datasets") as hub:
        source = HubSource(hub.url)
        read = {
            name: [
                (item.text, str(item.place))
                for item in read_examples(f"hf://datasets/{REPO}/{name}", hub=source)
                if isinstance(item, Example)
            ]
            for name in list(files)[1:]
        }
        why = detect_format(f"hf://datasets/{REPO}/tables", hub=source).why
    assert read == {
        "train/a.jsonl.gz": [
            ("a", f"{REPO}/train/a.jsonl.gz, line 1"),
            ("b", f"{REPO}/train/a.jsonl.gz, line 3"),
        ],
        "train/b.json": [("c", f"{REPO}/train/b.json, item 1")],
        "train/c.csv": [("d", f"{REPO}/train/c.csv, line 2")],
        "tables/train.parquet": [
            ("e", f"{REPO}/tables/train.parquet, row 1"),
            ("f", f"{REPO}/tables/train.parquet, row 2"),
        ],
    }
    assert why == "every one of the first 2 rows has text: text."


def test_the_first_rows_are_there_before_the_last_is_sent() -> None:
    """Looking at 50 rows of a data set of 100 GB must not fetch it."""
    name = "train.jsonl"
    content = b"".join(b'{"text": "row %d %s"}\n' % (n, b"x" * 100) for n in range(200_000))
    with running_hub(REPO, {name: content}, kind="datasets") as hub:
        items = read_examples(f"hf://datasets/{REPO}", hub=HubSource(hub.url))
        first = next(items)
        items.close()  # type: ignore[attr-defined]  # a generator
        assert hub.sent.get(name, 0) < len(content)
    assert isinstance(first, Example)
    assert first.text.startswith("row 0 ")


def test_what_the_hub_does_not_give_is_said() -> None:
    files = {"a.jsonl": b"", "b.jsonl.gz": b"\x1f\x8b\x07" + b"hello" * 9}
    with running_hub(REPO, files, kind="datasets") as hub:
        source = HubSource(hub.url)
        with pytest.raises(DatasetError, match=r"chats/a\.jsonl is empty"):
            list(read_examples(f"hf://datasets/{REPO}/a.jsonl", hub=source))
        with pytest.raises(DatasetError, match=r"chats/b\.jsonl\.gz: the file is damaged"):
            list(read_examples(f"hf://datasets/{REPO}/b.jsonl.gz", hub=source))
        with pytest.raises(DownloadError, match="no such dataset"):
            list(read_examples("hf://datasets/someone/else", hub=source))
    with pytest.raises(DownloadError, match="cannot be reached"):
        list(read_examples("hf://datasets/a/b", hub=HubSource(hub.url)))
