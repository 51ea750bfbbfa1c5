"""What stages have in common."""

from __future__ import annotations

from miniclaude.data.clean_rows import row_stages
from miniclaude.data.stage import RowStage, merge_reports


def test_reports_of_parts_add_up() -> None:
    """Two processes that each saw half of the rows must not report half of what was done."""
    parts: list[dict[str, object]] = [
        {"rows": 2, "by": {"a": 1}, "why": "x", "on": True},
        {"rows": 3, "by": {"a": 1, "b": {"c": 4}}, "why": "x", "on": True, "late": 1},
    ]
    assert merge_reports(parts) == {
        "rows": 5,
        "by": {"a": 2, "b": {"c": 4}},
        "why": "x",
        "on": True,
        "late": 1,
    }


def test_the_parts_stay_as_they_are() -> None:
    first: dict[str, object] = {"by": {"a": 1}}
    merge_reports([first, {"by": {"a": 2}}])
    assert first == {"by": {"a": 1}}


def test_stages_of_rows_can_be_shared_by_processes() -> None:
    stages = row_stages()
    assert all(isinstance(stage, RowStage) for stage in stages)
    assert len({stage.name for stage in stages}) == len(stages)
