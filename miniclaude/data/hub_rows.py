"""Rows of a data set on the Hugging Face hub, read as they arrive."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from miniclaude.data.byte_stream import as_stream, broken, decompressed, normalise, unreadable
from miniclaude.data.rows import FileRows, ending, open_rows, stream_rows
from miniclaude.data.sources import NOT_ROWS
from miniclaude.model.download import download
from miniclaude.model.hub_data import HubSource, hub_client, list_files, parse_address, stream

WHOLE = (".parquet", ".arrow", ".zst")
"""Endings of files that cannot be read from the front alone."""


def is_rows(name: str) -> bool:
    """Whether a file of that name holds rows."""
    return bool(ending(name)) and not NOT_ROWS.match(PurePosixPath(name).name)


def open_hub_rows(source: str, hub: HubSource) -> Iterator[tuple[str, FileRows]]:
    """The files that an `hf://` address means, one open at a time, each with its name.

    Text is read as it arrives. Parquet, Arrow and zstd need the whole file, which is fetched into
    a temporary folder, and removed when the next is opened.
    Raises DownloadError, and DatasetError as `open_rows`.
    """
    address = parse_address(source)
    with hub_client(hub) as client:
        listing = list_files(client, hub, address, is_rows)
        for file in listing.files:
            name, url = f"{address.repo}/{file.name}", listing.url(file)
            if file.name.lower().endswith(WHOLE):
                plain = replace(file, name=PurePosixPath(file.name).name)
                with tempfile.TemporaryDirectory(prefix="mini-claude-") as folder:
                    path = download(client, url, plain, Path(folder), advance=lambda _: None)
                    for rows in open_rows(path):
                        yield name, rows
                continue
            try:
                raw = as_stream(stream(client, url, file))
                text = normalise(decompressed(raw), name)
            except broken() as error:
                raise unreadable(name, error) from error
            yield name, stream_rows(text, file.name, name)
