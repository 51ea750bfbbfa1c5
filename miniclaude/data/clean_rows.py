"""The first step of the pipeline: every row is read, and judged by itself; or a part of them, for
`clean_processes.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from miniclaude.data.clean import Cleaning
from miniclaude.data.duplicates import CHUNK_CHARACTERS, CHUNK_ROWS, characters
from miniclaude.data.example import Example
from miniclaude.data.item_lines import item_line, row_line
from miniclaude.data.judged_rows import Collector
from miniclaude.data.personal_data import PersonalData
from miniclaude.data.plain_rows import PlainRow
from miniclaude.data.raw import Share
from miniclaude.data.reading import detect_format, read_share
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.rejection import Item, Rejection, shown
from miniclaude.data.repair import even_space, needed
from miniclaude.data.row_scan import CLEAN, PERSONAL, UNEVEN, UNSAFE, scan
from miniclaude.data.safety import Safety
from miniclaude.data.seed import resolve_source
from miniclaude.data.stage import RowStage
from miniclaude.data.texts import text_of
from miniclaude.errors import DatasetError

if TYPE_CHECKING:
    from miniclaude.model.hub_data import HubSource

BLOCK = 2 * CHUNK_ROWS
TICK = 500  # rows

Tell = Callable[[int, int | None], None]


FLAGS = (CLEAN, PERSONAL, UNSAFE)  # of `row_stages`, in their order
ANY = CLEAN | PERSONAL | UNSAFE


def row_stages() -> list[RowStage]:
    """The stages that look at one row at a time, in order."""
    return [Cleaning(), PersonalData(), Safety()]


class Part:
    """One process's share of the rows: the blocks whose numbers `claim` gives."""

    def __init__(self, claim: Callable[[], int], source_bytes: int) -> None:
        self._share = Share(BLOCK, claim)
        self._source_bytes = source_bytes
        self._stages = row_stages()
        self._cleaning = cast("Cleaning", self._stages[0])
        self._rows = 0
        self._size = 0  # of their lines
        self._tasks: Counter[str] = Counter()

    def blocks(
        self,
        sources: Sequence[str | Path],
        options: PrepareOptions,
        tell: Tell,
        hub: HubSource | None = None,
    ) -> Iterator[tuple[int, bytes]]:
        """Its blocks, each with its number, as the chunks of a file of judged rows. Raises
        DatasetError."""
        self._share.plain = options.format in (None, "openai")
        rows = Collector(options)
        chunk: list[Item | PlainRow] = []
        block: list[bytes] = []
        held = told = 0
        number = 0  # of the block
        for item in _read(sources, options, hub, self._share):
            seen = self._share.seen
            is_new_block = (seen - 1) // BLOCK != number
            if is_new_block or len(chunk) >= CHUNK_ROWS or held >= CHUNK_CHARACTERS:
                self._judge(chunk, rows)
                block.append(rows.take())
                chunk, held = [], 0
            if is_new_block:
                if any(block):
                    yield number, b"".join(block)
                block, number = [], (seen - 1) // BLOCK
            chunk.append(item)
            held += _size(item)
            if seen // TICK != told:
                told = seen // TICK
                tell(told * TICK, self._expected(told * TICK))
        self._judge(chunk, rows)
        block.append(rows.take())
        if any(block):
            yield number, b"".join(block)
        tell(self._share.seen, self._share.seen)

    def report(self) -> dict[str, object]:
        """What this part has done."""
        return {
            "rows": self._rows,
            "tasks": dict(sorted(self._tasks.items())),
            "stages": {stage.name: stage.report() for stage in self._stages},
        }

    def _judge(self, chunk: list[Item | PlainRow], rows: Collector) -> None:
        """Put a chunk through the stages, one after the other. Of the plain rows those that `scan`
        has cleared are only counted; those that a stage changes are scanned anew."""
        made = [*chunk]
        flags = _flags(made)
        evened = _evened(made, flags)
        rejected = sum([isinstance(item, Rejection) for item in made])
        for stage, flag in zip(self._stages, FLAGS, strict=True):
            wanted = [number for number, one in enumerate(flags) if one & flag]
            stage.passed(len(made) - rejected - len(wanted))
            changed: list[int] = []
            for number in wanted:
                item = made[number]
                if stage is self._cleaning and number in evened:
                    row, texts, flags[number] = evened[number]
                    self._cleaning.evened(texts)
                    made[number] = row
                    continue
                judged = made[number] = _judged(stage, item)
                if isinstance(judged, Rejection):
                    rejected += 1
                    flags[number] = 0
                elif judged is not item:
                    changed.append(number)
            for number, one in zip(changed, _flags([made[n] for n in changed]), strict=True):
                flags[number] = one
        self._rows += len(made)
        for item in made:
            if isinstance(item, PlainRow):
                self._add_plain(item, rows)
            else:
                self._add(item, rows)

    def _add_plain(self, row: PlainRow, rows: Collector) -> None:
        self._tasks["supervised"] += 1
        self._size += len(row.line)
        rows.add_plain(row)

    def _add(self, item: Item, rows: Collector) -> None:
        try:
            line = (row_line(item) if isinstance(item, Example) else item_line(item)).encode()
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
        self._size += len(line)
        rows.add(item, line)

    def _expected(self, done: int) -> int | None:
        """All rows, if the rest are as long as those so far."""
        if not self._source_bytes or not self._rows:
            return None
        return max(done, round(self._source_bytes * self._rows / (self._size + self._rows)))


def _read(
    sources: Sequence[str | Path], options: PrepareOptions, hub: HubSource | None, share: Share
) -> Iterator[Item | PlainRow]:
    for source in sources:
        yield from read_share(
            resolve_source(source),
            share,
            format=options.format,
            columns=options.columns or None,
            hub=hub,
        )


def _flags(items: Sequence[Item | PlainRow]) -> list[int]:
    """For each item the stages that it may need; any, if it is no plain row."""
    scanned = iter(scan([item for item in items if isinstance(item, PlainRow)]))
    return [
        next(scanned) if isinstance(item, PlainRow) else 0 if isinstance(item, Rejection) else ANY
        for item in items
    ]


def _judged(stage: RowStage, item: Item | PlainRow) -> Item | PlainRow:
    """What a stage makes of an item that is not rejected yet, the same where it changes nothing. A
    plain row is one still, if it can."""
    if isinstance(item, Rejection):
        return item
    if isinstance(item, Example):
        return stage.judge(item)
    example = item.example()
    judged = stage.judge(example)
    if judged is example:
        return item
    if isinstance(judged, Rejection):
        return judged
    return item.with_texts([*map(text_of, judged.messages)]) or judged


def _evened(
    items: Sequence[Item | PlainRow], flags: list[int]
) -> dict[int, tuple[PlainRow, int, int]]:
    """Those plain rows, by their number, that are clean as soon as their white space is evened: the
    row then, how many of its texts changed, and the flags that are left. flags: of each item."""
    made: dict[int, tuple[PlainRow, int]] = {}
    for number, (row, flag) in enumerate(zip(items, flags, strict=True)):
        if not flag & CLEAN or not isinstance(row, PlainRow):
            continue
        if flag & UNEVEN or needed(row.texts) == ["white space"]:
            texts = [even_space(text) for text in row.texts]
            same = sum(map(str.__eq__, texts, row.texts))
            changed = row.with_texts(texts) if same < len(texts) else None
            if changed is not None:
                made[number] = changed, len(texts) - same
    left = scan([row for row, _ in made.values()])
    return {
        number: (row, texts, flag)
        for (number, (row, texts)), flag in zip(made.items(), left, strict=True)
        if not flag & CLEAN
    }


def _size(item: Item | PlainRow) -> int:
    if isinstance(item, PlainRow):
        return len(item.line)
    return characters(item) if isinstance(item, Example) else 0


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
