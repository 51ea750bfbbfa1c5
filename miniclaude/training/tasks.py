"""Which rows an objective can learn from."""

from __future__ import annotations

from miniclaude.data.example import Task
from miniclaude.errors import DatasetError

FITTING: dict[str, tuple[Task, ...]] = {
    "supervised": ("supervised", "text"),
    "dpo": ("preference",),
    "kto": ("kto",),
}
"""An objective → the kinds of rows it learns from."""

HOLDS: dict[Task, str] = {
    "supervised": "conversations (messages)",
    "text": "plain text",
    "preference": "preferences (chosen and rejected)",
    "kto": "rated answers (messages and a label)",
}
"""A kind of rows in words."""


def check_task(task: Task, objective: str, name: str = "The dataset") -> None:
    """Raise DatasetError, with the cure, when rows of this kind do not suit the objective. name: of
    what holds them."""
    if task in FITTING[objective]:
        return
    wanted = HOLDS[FITTING[objective][0]]
    fitting = next(method for method, tasks in FITTING.items() if task in tasks)
    raise DatasetError(
        f"{name} holds {HOLDS[task]}; the objective {objective!r} learns from {wanted}.",
        hint=f"Set objective to {fitting!r}, or use a dataset of {wanted}.",
        param="objective",
        code="wrong_task",
    )
