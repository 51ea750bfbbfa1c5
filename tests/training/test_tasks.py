"""Rows that do not suit the objective are refused before anything is loaded."""

from __future__ import annotations

import pytest

from miniclaude.data.example import Task
from miniclaude.errors import DatasetError
from miniclaude.training.tasks import check_task


@pytest.mark.parametrize(
    ("task", "objective", "message"),
    [
        ("preference", "supervised", r"The dataset holds preferences \(chosen and rejected\); the "
         r"objective 'supervised' learns from conversations \(messages\)\. Set objective to 'dpo'"),
        ("supervised", "dpo", r"holds conversations \(messages\); the objective 'dpo' learns from "
         r"preferences \(chosen and rejected\)\. Set objective to 'supervised', or use"),
        ("kto", "dpo", r"holds rated answers .* Set objective to 'kto'"),
        ("preference", "kto", r"learns from rated answers .* Set objective to 'dpo'"),
    ],
)  # fmt: skip
def test_data_of_another_kind_is_refused_with_the_cure(
    task: Task, objective: str, message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        check_task(task, objective)
    check_task("text", "supervised")
