"""A file of rows as one stream of UTF-8 bytes with LF or CRLF line ends, whatever it was before.

Compression is told by the first bytes, not by the name, and must not blow up (`MOST_TIMES`). UTF-16
with its mark is transcoded, a byte-order mark is dropped, lone CR line ends (old Macintosh, some
spreadsheets) become LF.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from miniclaude.errors import DatasetError

BUFFER = 1 << 18
"""Bytes read at once."""

MOST_TIMES = 200
"""How many times its packed size a file may have; text has 3 to 20 times, a bomb a thousand."""

FREE = 64 << 20
"""Bytes that a file may have however small it was packed."""

GZIP, XZ, BZIP2, ZSTD = b"\x1f\x8b", b"\xfd7zXZ\x00", b"BZh", b"\x28\xb5\x2f\xfd"
UTF16_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
BROKEN = (OSError, EOFError, lzma.LZMAError, zlib.error)


def broken() -> tuple[type[Exception], ...]:
    """What reading a damaged file raises; polars' own error where polars, which is slow to import,
    is at work."""
    polars = sys.modules.get("polars")
    return BROKEN if polars is None else (*BROKEN, polars.exceptions.PolarsError)


@contextmanager
def open_stream(path: Path) -> Iterator[io.BufferedReader]:
    """The file's rows as bytes, decompressed and in UTF-8.

    Raises DatasetError when it is missing, a folder, empty, binary, or in an encoding we cannot
    tell; reading on may raise one of `broken()`, see `unreadable`.
    """
    if path.is_dir():
        raise DatasetError(
            f"{path} is a folder, not a file of rows.",
            hint="Name a file in it.",
            code="not_a_file",
        )
    with ExitStack() as opened:
        try:
            file = opened.enter_context(cast(io.BufferedReader, path.open("rb", BUFFER)))
            if file.peek(4).startswith(ZSTD):
                size = path.stat().st_size
                plain = as_stream(_bounded(_zstd_lines(path), lambda: size, str(path)))
            else:
                plain = unpacked = opened.enter_context(decompressed(file))
                if unpacked is not file:
                    pieces = iter(lambda: unpacked.read1(BUFFER), b"")
                    plain = as_stream(_bounded(pieces, file.tell, str(path)))
            stream = normalise(plain, str(path))
        except broken() as error:
            raise unreadable(str(path), error) from error
        yield stream


def unreadable(name: str, error: Exception, after: str = "") -> DatasetError:
    """What to say of a file that cannot be opened, or not be read to its end."""
    if isinstance(error, FileNotFoundError):
        return DatasetError(
            f"{name} does not exist.", hint="Check the path.", code="file_not_found"
        )
    if isinstance(error, OSError) and error.errno:
        return DatasetError(
            f"{name}{after}: the file cannot be read: {error.strerror}.",
            hint="Check the path, and that you may read it.",
            code="unreadable_file",
        )
    cut = isinstance(error, EOFError)
    reason = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
    return DatasetError(
        f"{name}{after}: the file is {'cut short' if cut else f'damaged: {reason}'}.",
        hint="Fetch or pack the file again; no row after this place could be read.",
        code="truncated_file" if cut else "unreadable_file",
    )


def decompressed(file: io.BufferedReader) -> io.BufferedReader:
    """The stream itself, or what gzip, xz or bzip2 packed in it."""
    head = file.peek(6)
    packed: IO[bytes]
    if head.startswith(GZIP):
        packed = cast(IO[bytes], gzip.GzipFile(fileobj=file))
    elif head.startswith(XZ):
        packed = lzma.LZMAFile(file)  # noqa: SIM115  # closed with the stream around it
    elif head.startswith(BZIP2):
        packed = bz2.BZ2File(file)
    else:
        return file
    return io.BufferedReader(cast(io.RawIOBase, packed), BUFFER)


def _zstd_lines(path: Path) -> Iterator[bytes]:
    """The standard library learns zstd in Python 3.14; polars reads lines through it."""
    import polars

    for batch in polars.scan_lines(path).collect_batches(chunk_size=1_000):
        lines = batch.to_series().to_list()
        yield "".join(f"{line}\n" for line in lines).encode()


def _bounded(chunks: Iterator[bytes], packed: Callable[[], int], name: str) -> Iterator[bytes]:
    """The chunks of a packed file. packed: bytes of it that were read so far.

    Raises DatasetError once they are more than `MOST_TIMES` of those, and more than `FREE`.
    """
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max(FREE, MOST_TIMES * packed()):
            raise DatasetError(
                f"{name} unpacks to more than {MOST_TIMES} times its size.",
                hint="If that is meant, unpack it first and name the unpacked file.",
                code="packed_too_tightly",
            )
        yield chunk


def normalise(stream: io.BufferedReader, name: str) -> io.BufferedReader:
    """`stream` without byte-order mark, in UTF-8, with LF or CRLF line ends.

    Raises DatasetError for an empty or binary stream, and for UTF-16 without its mark.
    """
    head = stream.peek(BUFFER)
    if not head:
        raise DatasetError(
            f"{name} is empty.", hint="Put at least one row into it.", code="empty_file"
        )
    if head.startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
    elif head[:2] in UTF16_MARKS:
        stream.read(2)
        decoder = codecs.getincrementaldecoder(UTF16_MARKS[head[:2]])()
        chunks = _transcoded(stream, decoder.decode, name)
        return normalise(as_stream(chunks), name)
    elif b"\0" in head[:4096]:
        text = head[:200].replace(b"\0", b"")
        wide = len(text) * 2 <= len(head[:200]) + 2 and text.isascii()
        raise DatasetError(
            f"{name} is {'UTF-16 without its mark' if wide else 'not text: it holds zero bytes'}.",
            hint="Save it as UTF-8."
            if wide
            else "Give a file of JSON, JSON Lines, CSV, plain text, Parquet or Arrow.",
            code="not_utf8" if wide else "binary_file",
        )
    if b"\r" in head and b"\n" not in head:
        return as_stream(_with_line_feeds(stream))
    return stream


def _transcoded(
    stream: io.BufferedReader, decode: Callable[[bytes, bool], str], name: str
) -> Iterator[bytes]:
    try:
        while chunk := stream.read(BUFFER):
            yield decode(chunk, False).encode()
        yield decode(b"", True).encode()
    except UnicodeError as error:
        raise DatasetError(
            f"{name} is not the UTF-16 that its first bytes promise: {error.args[-1]}.",
            hint="Save it as UTF-8.",
            code="not_utf8",
        ) from error


def _with_line_feeds(stream: io.BufferedReader) -> Iterator[bytes]:
    """Every CR as LF; of the CRLF in a file of mostly CR, one LF."""
    after_cr = False
    while chunk := stream.read(BUFFER):
        if after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        after_cr = chunk.endswith(b"\r")
        yield chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def as_stream(chunks: Iterator[bytes]) -> io.BufferedReader:
    """Pieces of bytes as a file to read from."""
    return io.BufferedReader(_Pieces(chunks), BUFFER)


class _Pieces(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(cast(bytearray, buffer))
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(chunk)
        count = min(len(target), len(self._left))
        target[:count] = self._left[:count]
        self._left = self._left[count:]
        return count
