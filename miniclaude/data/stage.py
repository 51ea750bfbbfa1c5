"""What a stage of the pipeline is: items in, items out, and a report of what it did.

A row that a stage cannot use leaves it as a `Rejection`, never as an exception and never not at
all; rejections of earlier stages pass through untouched. So the rows that go into a stage are
exactly those that come out, and the accounts of a whole pipeline add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, runtime_checkable

from miniclaude.data.example import Example
from miniclaude.data.rejection import Item


class Stage(Protocol):
    """One step from rows to rows. An instance serves one run."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def run(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, each kept, changed or rejected; lazily, in order."""
        ...

    def report(self) -> dict[str, object]:
        """What was done, as JSON values; complete after the last item."""
        ...


@runtime_checkable
class RowStage(Stage, Protocol):
    """A stage that looks at one row at a time, so that several processes can share its work."""

    def judge(self, example: Example) -> Item:
        """The example kept or changed, or its rejection."""
        ...

    def passed(self, rows: int) -> None:
        """So many rows were seen to need nothing (`row_scan.py`): they are only counted."""
        ...


def merge_reports(reports: Iterable[dict[str, object]]) -> dict[str, object]:
    """One report for the parts of a stage's work: counts are added, tables merged by key; of
    anything else the first is kept.

    >>> merge_reports([{"rows": 2, "by": {"a": 1}}, {"rows": 3, "by": {"a": 1, "b": 4}}])
    {'rows': 5, 'by': {'a': 2, 'b': 4}}
    """
    merged: dict[str, object] = {}
    for report in reports:
        for key, value in report.items():
            earlier = merged.get(key)
            if isinstance(value, dict):
                merged[key] = merge_reports([earlier if isinstance(earlier, dict) else {}, value])
            elif isinstance(value, int) and isinstance(earlier, int) and type(value) is not bool:
                merged[key] = earlier + value
            elif key not in merged:
                merged[key] = value
    return merged
