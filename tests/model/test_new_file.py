"""A file appears whole or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from miniclaude.model import new_file
from miniclaude.model.new_file import sha256_of, write_whole


def test_it_replaces_the_old_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    for text in ("old", "Grüße"):
        write_whole(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fails_midway_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a settings.json would keep a paused run from ever being taken up again."""
    path = tmp_path / "settings.json"
    write_whole(path, "old")

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(new_file, "flush_to_disk", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_hash_is_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(bytes(range(256)) * 5_000)
    assert sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()
