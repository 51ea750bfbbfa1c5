"""How far the preparation of a dataset is: a bar at a terminal, nothing in a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SAYS = {
    "clean": "Reading and cleaning",
    "split": "Duplicates and split",
    "augment": "Adding variety",
    "write": "Measuring and writing",
}


class DataProgress:
    """A context manager that can be called as the pipeline's `Progress`. resumes: whether what
    Ctrl-C stops can be gone on with, which is said then."""

    def __init__(self, *, resumes: bool = True) -> None:
        self._resumes = resumes
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> DataProgress:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Speed(ProgressColumn):
            """Rows a second."""

            def render(self, task: Task) -> Text:
                speed = task.finished_speed or task.speed
                return Text(f"{speed:,.0f} rows/s" if speed else "")

        console = Console(stderr=True)
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                Speed(),
                TimeRemainingColumn(),
                console=console,
            )
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is KeyboardInterrupt and self._resumes:
            print("Stopped. The same command goes on where it was.", file=sys.stderr)

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Move the step's bar."""
        if self._bar is None:
            return
        if step not in self._tasks:
            self._tasks[step] = self._bar.add_task(SAYS.get(step, step), total=total)
        self._bar.update(self._tasks[step], completed=done, total=total)
