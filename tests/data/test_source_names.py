"""Texts that people read name files, never the folders of the machine."""

from __future__ import annotations

from miniclaude.data.seed import seed_file
from miniclaude.data.source_names import SourceNames


def test_paths_become_names_the_longest_first() -> None:
    """`/a/rows` is the beginning of `/a/rows.jsonl` and must not eat it."""
    names = SourceNames(["/a/rows", "/a/rows.jsonl"])
    assert names.plain("/a/rows.jsonl, line 3") == "rows.jsonl, line 3"
    assert names.plain("/a/rows/part.json, item 1") == "rows/part.json, item 1"


def test_the_packaged_rows_are_the_seed() -> None:
    names = SourceNames(["seed"])
    assert names.names == ["seed"]
    assert names.plain(f"{seed_file()}, line 2") == "seed, line 2"


def test_every_text_of_a_json_value() -> None:
    names = SourceNames(["/a/b.json"])
    told = {"x": ["/a/b.json", 1, {"y": "see /a/b.json"}], "z": None}
    assert names.plain_json(told) == {"x": ["b.json", 1, {"y": "see b.json"}], "z": None}
