"""One row by itself, under the rules that the pipeline applies to every row."""

from __future__ import annotations

from collections.abc import Sequence

from miniclaude.data.clean_rows import row_stages
from miniclaude.data.columns import renamed
from miniclaude.data.detect import Plan, plan_for, unknown_fields
from miniclaude.data.example import Example, Place, Task
from miniclaude.data.formats import read_example
from miniclaude.data.raw import Row
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.rejection import Item, Rejection, reject
from miniclaude.data.stage import RowStage
from miniclaude.errors import RowError


def judge_row(row: Row, place: Place, options: PrepareOptions, task: Task) -> Item:
    """The row read, repaired and masked as the pipeline would, or its rejection. Whether it repeats
    another row only the pipeline can tell, which sees them all.

    options: those of the dataset that it is for; task: what that dataset's rows are for.
    """
    try:
        fields = renamed(row, options.columns) if options.columns else row
        plan = Plan(options.format) if options.format else plan_for(frozenset(fields))
        if plan is None:
            raise unknown_fields(fields)
        if plan.columns:
            fields = renamed(fields, plan.columns)
        example = read_example(fields, place, plan.format)
        if example.task != task:
            raise RowError(
                f"This row is for {example.task} training, the dataset's rows are for {task}.",
                hint="Write it in the form of the other rows.",
                code="mixed_tasks",
            )
    except RowError as error:
        return reject(place, error, row)
    return judge_example(example, row_stages())[0]


def judge_example(example: Example, stages: Sequence[RowStage]) -> tuple[Item, list[str]]:
    """What the stages make of an example, and the names of those that changed it."""
    item: Item = example
    changed_by: list[str] = []
    for stage in stages:
        if isinstance(item, Rejection):
            break
        judged = stage.judge(item)
        if judged is not item:
            changed_by.append(stage.name)
        item = judged
    return item, changed_by
