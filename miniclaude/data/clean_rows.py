"""The first step of the pipeline: every row is read, and judged by itself; or a part of them, for
`clean_processes.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from miniclaude.data.clean import Cleaning
from miniclaude.data.duplicates import CHUNK_ROWS
from miniclaude.data.example import Example
from miniclaude.data.item_lines import item_line
from miniclaude.data.judged_rows import Collector
from miniclaude.data.personal_data import PersonalData
from miniclaude.data.raw import Share
from miniclaude.data.reading import HubSource, detect_format, read_examples
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.rejection import Item, Rejection, shown
from miniclaude.data.safety import Safety
from miniclaude.data.seed import resolve_source
from miniclaude.data.stage import RowStage
from miniclaude.errors import DatasetError

BLOCK = 2 * CHUNK_ROWS
TICK = 500  # rows

Tell = Callable[[int, int | None], None]


def row_stages() -> list[RowStage]:
    """The stages that look at one row at a time, in order."""
    return [Cleaning(), PersonalData(), Safety()]


class Part:
    """One process's share of the rows: blocks `number`, `number` + `of`, …"""

    def __init__(self, number: int, of: int, source_bytes: int) -> None:
        self._share = Share(number, of, BLOCK)
        self._source_bytes = source_bytes
        self._stages = row_stages()
        self._rows = 0
        self._tasks: Counter[str] = Counter()

    def blocks(
        self,
        sources: Sequence[str | Path],
        options: PrepareOptions,
        tell: Tell,
        hub: HubSource | None = None,
    ) -> Iterator[bytes]:
        """Its blocks, each as the chunks of a file of judged rows. Raises DatasetError."""
        rows = Collector(options)
        block: list[bytes] = []
        size = 0
        number = 0  # of the block
        for item in _read(sources, options, hub, self._share):
            seen = self._share.seen
            if rows.full or (seen - 1) // BLOCK != number:
                block.append(rows.take())
            if (seen - 1) // BLOCK != number:
                if any(block):
                    yield b"".join(block)
                block, number = [], (seen - 1) // BLOCK
            line = self._judge(item, rows)
            size += len(line) + 1
            if seen % TICK == 0:
                tell(seen, self._expected(seen, size))
        block.append(rows.take())
        if any(block):
            yield b"".join(block)
        tell(self._share.seen, self._share.seen)

    def report(self) -> dict[str, object]:
        """What this part has done."""
        return {
            "rows": self._rows,
            "tasks": dict(sorted(self._tasks.items())),
            "stages": {stage.name: stage.report() for stage in self._stages},
        }

    def _judge(self, item: Item, rows: Collector) -> bytes:
        self._rows += 1
        for stage in self._stages:
            if isinstance(item, Rejection):
                break
            item = stage.judge(item)
        try:
            line = item_line(item).encode()
        except ValueError:
            # A lone surrogate or NaN that no stage has repaired cannot be written as UTF-8 JSON.
            item = Rejection(
                item.place,
                "invalid_unicode",
                "A text or number of the row cannot be written as UTF-8 JSON.",
                "Remove the broken character.",
                shown(repr(item)),
            )
            line = item_line(item).encode()
        if isinstance(item, Example):
            self._tasks[item.task] += 1
        rows.add(item, line)
        return line

    def _expected(self, done: int, size: int) -> int | None:
        """All rows, if the rest are as long as those so far."""
        if not self._source_bytes or not self._rows:
            return None
        return max(done, round(self._source_bytes * self._rows / size))


def _read(
    sources: Sequence[str | Path], options: PrepareOptions, hub: HubSource | None, share: Share
) -> Iterator[Item]:
    for source in sources:
        yield from read_examples(
            resolve_source(source),
            format=options.format,
            columns=options.columns or None,
            hub=hub,
            share=share,
        )


def detected(
    source: str | Path, options: PrepareOptions, hub: HubSource | None = None
) -> dict[str, object]:
    """The source's format and why it is taken for that."""
    if options.format is not None:
        return {"source": str(source), "format": options.format, "why": "It was asked for."}
    try:
        found = detect_format(resolve_source(source), columns=options.columns, hub=hub)
    except DatasetError as error:
        # Reading it says of every row what is wrong, or that there is no such source.
        return {"source": str(source), "format": "unknown", "why": error.message}
    return {"source": str(source), "format": found.format, "why": found.why}
