"""The packaged seed dataset, by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from miniclaude.data import seed
from miniclaude.errors import DatasetError


def test_the_name_means_the_packaged_file_and_others_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (
        seed.resolve_source("seed") == seed.seed_file() == seed.resolve_source("mini-claude-seed")
    )
    assert seed.resolve_source("my.json") == "my.json"
    Path("seed").mkdir()
    assert seed.resolve_source("seed") == "seed", "a folder of that name here is meant"


def test_a_package_without_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "FILE", "absent.jsonl")
    with pytest.raises(DatasetError, match=r"The seed dataset is missing: .*absent\.jsonl"):
        seed.seed_file()
