"""A source of rows as examples and rejections, one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

from miniclaude.data.columns import check_columns, renamed
from miniclaude.data.detect import Detection, Plan, detect, plan_for, unknown_fields
from miniclaude.data.example import Place
from miniclaude.data.formats import read_example, require_format
from miniclaude.data.plain_rows import PlainRow
from miniclaude.data.raw import BadRow, Row, Share
from miniclaude.data.rejection import Item, reject
from miniclaude.data.rows import FileRows, open_rows
from miniclaude.data.sources import files_of
from miniclaude.errors import DatasetError, RowError

if TYPE_CHECKING:
    from miniclaude.model.hub_data import HubSource

HUB = "hf://"

LOOKED_AT = 50
"""Rows that `detect_format` looks at."""
PLANS = 1_000
"""Sets of fields whose format is remembered."""


def detect_format(
    source: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    hub: HubSource | None = None,
) -> Detection:
    """The format of a source by its first 50 rows, and why, in one sentence.

    Raises DatasetError as `read_examples`, and when none of those rows has a format.
    """
    found = detect(islice(_good_rows(source, columns or {}, hub), LOOKED_AT))
    if isinstance(found, RowError):
        raise DatasetError(
            f"{source}: none of the first rows has a format. {found.message}",
            hint=found.hint,
            code=found.code,
        )
    return found


def _good_rows(
    source: str | Path, columns: Mapping[str, str], hub: HubSource | None
) -> Iterator[Row]:
    for _, file in _files(source, hub):
        for _, row in islice(file.rows, 10 * LOOKED_AT):
            if not isinstance(row, BadRow):
                yield renamed(row, columns) if columns else row


def read_examples(
    source: str | Path,
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    hub: HubSource | None = None,
) -> Iterator[Item]:
    """Each row of a source, as an Example or as a Rejection that says what is wrong with it.

    source: a file (JSON, JSON Lines, CSV, plain text, Parquet, Arrow; also packed by gzip, xz,
    bzip2 or zstd), a folder of such, a data set saved by `datasets`, or `hf://datasets/org/name`
    with an optional path and `@revision`. format: one of `formats.READERS`; None reads each row by
    the format that its fields tell. columns: the source's column → our field.

    No more than a row, or a batch of a table, is held. Raises DatasetError for a source that is
    missing, holds no row, is of no known kind, or cannot be read on; and for an unknown format or
    field; DownloadError for a hub that does not give it.
    """
    items = read_share(source, None, format=format, columns=columns, hub=hub)
    return cast("Iterator[Item]", items)  # plain rows come only where a share asks for them


def read_share(
    source: str | Path,
    share: Share | None,
    *,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    hub: HubSource | None = None,
) -> Iterator[Item | PlainRow]:
    """As `read_examples`, those rows alone that `share` wants, which goes on with the next source;
    where it lets them, plain rows come as such."""
    if format is not None:
        require_format(format)
    check_columns(columns or {})
    return _items(source, format, dict(columns or {}), hub, share)


def _items(
    source: str | Path,
    format_name: str | None,
    columns: dict[str, str],
    hub: HubSource | None,
    share: Share | None,
) -> Iterator[Item | PlainRow]:
    plans: dict[frozenset[str], Plan | None] = {}
    fixed = Plan(format_name) if format_name else None
    missing = set(columns)
    number = count = 0
    # Where columns are mapped, every row tells whether they are there.
    for name, file in _files(source, hub, None if columns else share):
        unit = file.unit
        for number, row in file.rows:
            count += 1
            if share is not None:
                mine = share.mine
                share.seen += 1
                if not mine:
                    missing.difference_update(() if isinstance(row, BadRow) else row)
                    continue
            place = Place(name, number, unit)
            if type(row) is PlainRow:
                row.place = place
                yield row
                continue
            if isinstance(row, BadRow):
                yield reject(place, row.error, row.raw)
                continue
            if columns:
                missing.difference_update(row)
                if missing and count == LOOKED_AT:
                    raise _no_such_column(name, missing, row)
            fields = renamed(row, columns) if columns else row
            plan = fixed
            if plan is None:
                names = frozenset(fields)
                if names in plans:
                    plan = plans[names]
                else:
                    plan = plan_for(names)
                    if len(plans) < PLANS:
                        plans[names] = plan
            try:
                if plan is None:
                    raise unknown_fields(fields)
                if plan.columns:
                    fields = renamed(fields, plan.columns)
                yield read_example(fields, place, plan.format)
            except RowError as error:
                yield reject(place, error, row)
        if missing and count:
            raise _no_such_column(name, missing, row if not isinstance(row, BadRow) else {})
    if not count:
        raise DatasetError(
            f"{source} holds no row.",
            hint="Put at least one row into it.",
            code="empty_file",
        )


def _no_such_column(name: str, missing: set[str], row: Row) -> DatasetError:
    return DatasetError(
        f"{name}: no row has the column {min(missing)!r}; the columns are {', '.join(row)}.",
        hint="Correct the mapping of columns.",
        param="columns",
        code="unknown_column",
    )


def _files(
    source: str | Path, hub: HubSource | None, share: Share | None = None
) -> Iterator[tuple[str, FileRows]]:
    """The source's files, one open at a time, each with its name for places."""
    if isinstance(source, str) and source.startswith(HUB):
        # The hub brings HTTP and tokenizers with it, and most sources are files.
        from miniclaude.data.hub_rows import open_hub_rows
        from miniclaude.model.hub_data import HubSource

        yield from open_hub_rows(source, hub or HubSource())
        return
    for path in files_of(Path(source)):
        for file in open_rows(path, share):
            yield str(path), file
