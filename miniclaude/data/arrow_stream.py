"""Arrow's streaming format, one record batch at a time.

Polars reads a stream whole. A file of Hugging Face's `datasets` has up to 500 MB in batches of a
thousand rows, so it is cut into its messages here, and each batch is given to polars behind the
schema, as a stream of its own. Framing: https://arrow.apache.org/docs/format/Columnar.html#ipc.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from miniclaude.errors import DatasetError

if TYPE_CHECKING:
    import polars

CONTINUATION = b"\xff\xff\xff\xff"
END = CONTINUATION + b"\0\0\0\0"
SCHEMA, DICTIONARY, RECORDS = 1, 2, 3
MAX_METADATA = 16 << 20
MAX_BODY = 512 << 20
"""Bytes of one batch; datasets of text write a few megabytes."""


def read_arrow_stream(file: BinaryIO, name: str) -> Iterator[polars.DataFrame]:
    """The stream's record batches.

    Raises DatasetError when it is no Arrow stream or has a batch of more than 512 MiB, EOFError
    when it is cut short.
    """
    import polars

    head = b""
    while message := _message(file, name):
        kind, data = message
        if kind == RECORDS:
            yield polars.read_ipc_stream(io.BytesIO(head + data + END))
        elif kind in (SCHEMA, DICTIONARY):
            head += data
            if len(head) > MAX_BODY:
                raise _too_large(name)


def _message(file: BinaryIO, name: str) -> tuple[int, bytes] | None:
    """The next message's kind and bytes; None at the end."""
    prefix = file.read(8)
    if not prefix or prefix == END:
        return None
    if len(prefix) < 8 or not prefix.startswith(CONTINUATION):
        raise DatasetError(
            f"{name} is not an Arrow stream.",
            hint="Save the data set again with save_to_disk, or as Parquet.",
            code="unreadable_file",
        )
    (size,) = struct.unpack("<i", prefix[4:])
    if not 0 < size <= MAX_METADATA:
        raise _too_large(name)
    metadata = _exactly(file, size)
    try:
        kind, body = _kind_and_body(metadata)
    except (struct.error, IndexError) as error:
        raise DatasetError(
            f"{name}: a message of the Arrow stream is damaged.",
            hint="Fetch the file again.",
            code="unreadable_file",
        ) from error
    if not 0 <= body <= MAX_BODY:
        raise _too_large(name)
    return kind, prefix + metadata + _exactly(file, body)


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _kind_and_body(metadata: bytes) -> tuple[int, int]:
    """Two fields of the flatbuffer `Message`: header_type (the second, one byte) and bodyLength
    (the fourth, eight bytes)."""
    (table,) = struct.unpack_from("<I", metadata, 0)
    (back,) = struct.unpack_from("<i", metadata, table)
    fields = table - back
    if fields < 0:
        raise struct.error("no such place")
    (size,) = struct.unpack_from("<H", metadata, fields)
    offsets = struct.unpack_from(f"<{(size - 4) // 2}H", metadata, fields + 4)
    kind = metadata[table + offsets[1]] if len(offsets) > 1 and offsets[1] else 0
    body = 0
    if len(offsets) > 3 and offsets[3]:
        (body,) = struct.unpack_from("<q", metadata, table + offsets[3])
    return kind, body


def _too_large(name: str) -> DatasetError:
    return DatasetError(
        f"{name} has a batch of more than {MAX_BODY >> 20} MiB.",
        hint="Save the data set again in smaller batches, or as JSON Lines.",
        code="batch_too_large",
    )
