"""What a dataset's rows were before: read again from its sources, where those are still there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from miniclaude.data.browse import Json, RowPage, shortened
from miniclaude.data.clean_rows import row_stages
from miniclaude.data.example import Example, Place, to_row
from miniclaude.data.one_row import judge_example
from miniclaude.data.prepared import PreparedDataset
from miniclaude.data.raw import BadRow
from miniclaude.data.reading import HUB, read_examples
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.rejection import Item
from miniclaude.data.rows import open_rows
from miniclaude.data.seed import resolve_source
from miniclaude.data.source_names import SourceNames
from miniclaude.data.sources import files_of
from miniclaude.errors import DatasetError

SCAN_ROWS = 20_000
"""That are judged for one page."""
MOST_TEXT = 1 << 20
"""Characters of a row that are shown."""


def options_of(dataset: PreparedDataset) -> PrepareOptions:
    """How the dataset was prepared. Raises DatasetError for options of another version."""
    options = dataset.manifest.get("options")
    try:
        return PrepareOptions(**options)  # type: ignore[arg-type]
    except TypeError as error:
        raise DatasetError(
            f"The dataset {dataset.name!r} was prepared by another version of Mini-Claude.",
            hint="Prepare it again from its sources.",
        ) from error


def changed_rows(dataset: PreparedDataset, *, after: int, limit: int, query: str = "") -> RowPage:
    """Rows that were repaired or masked, before and after, with the names of the stages that did
    it. after: rows of the sources that were looked at before; a row's `number` counts the same.
    Raises DatasetError when a source is not there any more."""
    wanted = query.casefold()
    names = SourceNames.of(dataset)
    stages = row_stages()
    shown: list[Json] = []
    for number, item in enumerate(_items(dataset), start=1):
        if number <= after or not isinstance(item, Example):
            continue
        if len(shown) == limit or number > after + SCAN_ROWS:
            return RowPage(shown, number - 1)
        judged, changed_by = judge_example(item, stages)
        if not isinstance(judged, Example) or to_row(judged) == to_row(item):
            continue
        before, became = shortened(to_row(item)), shortened(to_row(judged))
        if wanted and wanted not in json.dumps([before, became], ensure_ascii=False).casefold():
            continue
        place = names.plain(str(item.place))
        told = {"place": place, "by": changed_by, "before": before, "after": became}
        shown.append({"number": number, **told})
    return RowPage(shown, None)


def row_text(dataset: PreparedDataset, place: Place) -> str | None:
    """The row that stands at a place of one of the sources, as text; None where it is not there
    any more. A row that was read as fields is written as JSON."""
    for source in dataset.sources:
        resolved = str(resolve_source(source))
        if resolved.startswith(HUB):
            continue
        try:
            if place.file not in map(str, files_of(Path(resolved))):
                continue
            for file in open_rows(Path(place.file)):
                for number, row in file.rows:
                    if number < place.line:
                        continue
                    if number > place.line:
                        return None
                    if isinstance(row, BadRow):
                        return row.raw.decode("utf-8", "replace")[:MOST_TEXT]
                    return json.dumps(row, ensure_ascii=False, default=str)[:MOST_TEXT]
        except DatasetError:
            return None
    return None


def _items(dataset: PreparedDataset) -> Iterator[Item]:
    options = options_of(dataset)
    for source in dataset.sources:
        if source.startswith(HUB):
            raise DatasetError(
                f"{source} is not on this machine, so its rows cannot be compared.",
                hint="Prepare the dataset from files to see what was changed.",
            )
        resolved = resolve_source(source)
        if not Path(resolved).exists():
            raise DatasetError(
                f"{Path(source).name} has gone, so nobody can see what its rows were.",
                hint="Upload it again and prepare it anew to see what is changed.",
            )
        yield from read_examples(resolved, format=options.format, columns=options.columns or None)
