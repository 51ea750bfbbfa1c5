"""The rows of recipes/own_voice, which a newcomer tries first."""

from __future__ import annotations

from pathlib import Path

from miniclaude.data.pipeline import prepare

ROWS = Path(__file__).resolve().parents[2] / "recipes" / "own_voice" / "juniper.jsonl"


def test_no_row_is_rejected_and_none_answers_to_the_old_name(tmp_path: Path) -> None:
    """One row that still says "I'm Mini-Claude" undoes what fifteen others teach."""
    dataset = prepare([ROWS], tmp_path / "juniper", processes=1)
    assert dataset.manifest["rows"]["rejected"] == 0  # type: ignore[index]
    answers = [
        message.text
        for split in ("train", "validation")
        for example in dataset.examples(split)
        for message in example.messages
        if message.role == "assistant"
    ]
    assert len(answers) >= 106
    assert sum("Juniper" in answer for answer in answers) >= 15
    assert not any("I'm Mini-Claude" in answer for answer in answers)
