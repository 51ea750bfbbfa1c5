"""What makes a dataset another one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from miniclaude.data.recipe import PrepareOptions, recipe_key, source_bytes
from miniclaude.errors import SettingsError


def test_options_and_sources_change_the_key(tmp_path: Path) -> None:
    """A finished step of another recipe must never be taken for this one's."""
    path = tmp_path / "a.jsonl"
    path.write_text("one\n" * 1_000_000)
    keys = {recipe_key([path], PrepareOptions())}
    for options in (
        PrepareOptions(seed=2),
        PrepareOptions(validation=0.2),
        PrepareOptions(augment=False),
        PrepareOptions(system="x"),
        PrepareOptions(duplicates=0.8),
        PrepareOptions(format="alpaca"),
        PrepareOptions(columns={"instruction": "q"}),
    ):
        keys.add(recipe_key([path], options))
    keys.add(recipe_key([path, path], PrepareOptions()))
    assert len(keys) == 9
    assert recipe_key([path], PrepareOptions()) in keys


@pytest.mark.parametrize("place", [0, -1])
def test_a_file_changed_in_place_is_another(tmp_path: Path, place: int) -> None:
    """Same size, and a file system whose clock stands still."""
    path = tmp_path / "a.jsonl"
    text = list("one\n" * 1_000_000)
    path.write_text("".join(text))
    os.utime(path, ns=(1, 1))
    before = recipe_key([path], PrepareOptions())
    text[place] = "x"
    path.write_text("".join(text))
    os.utime(path, ns=(1, 1))
    assert recipe_key([path], PrepareOptions()) != before


def test_a_folder_is_all_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.jsonl").write_text("one")
    before = recipe_key([tmp_path], PrepareOptions())
    (tmp_path / "b.jsonl").write_text("two")
    assert recipe_key([tmp_path], PrepareOptions()) != before
    assert source_bytes([tmp_path]) == 6


def test_bytes_say_nothing_of_compressed_or_remote_sources(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(b"x")
    assert source_bytes([tmp_path / "a.jsonl.gz"]) == 0
    assert source_bytes(["hf://datasets/a/b"]) == 0


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("validation", 0.6, "validation: 0.6 is not a share"),
        ("validation", float("nan"), "validation: nan is not a share"),
        ("duplicates", 0.1, "duplicates: 0.1 is not a similarity"),
        ("seed", -1, "seed: -1 is not from 0 to 2147483647"),
        ("seed", 1 << 80, "is not from 0 to 2147483647"),
    ],
)
def test_options_out_of_range_are_named(option: str, value: float, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        PrepareOptions(**{option: value})  # type: ignore[arg-type]
    assert caught.value.param == option
