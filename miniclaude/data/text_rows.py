"""Plain text as documents of whole paragraphs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from miniclaude.data.json_value import decode
from miniclaude.data.raw import BadRow, RawRow
from miniclaude.errors import RowError

DOCUMENT = 8_000
"""Characters after which a document ends with its paragraph."""
LONGEST = 1 << 20
"""Characters after which it ends in any case."""
SEPARATOR = "<|endoftext|>"
"""A line that ends a document, as corpora of one file have it."""


def read_text(file: BinaryIO) -> Iterator[RawRow]:
    """Documents, each with the line it begins in. One ends at two blank lines, at a line
    `<|endoftext|>`, or at the end of a paragraph once it has some 8,000 characters."""
    held: list[str] = []
    size = blank = first = number = 0
    while line := file.readline(LONGEST):
        number += 1
        try:
            text = decode(line, "The line").rstrip("\r\n")
        except RowError as error:
            yield number, BadRow(error, line)
            continue
        blank = blank + 1 if not text.strip() else 0
        ended = blank >= 2 or (blank and size >= DOCUMENT) or size > LONGEST
        if ended or text.strip() == SEPARATOR:
            if size:
                yield first, {"text": "\n".join(held).strip("\n")}
            held, size = [], 0
            if blank or text.strip() == SEPARATOR:
                continue
        if not size:
            if blank:
                continue
            first = number
        held.append(text)
        size += len(text) + 1
    if size:
        yield first, {"text": "\n".join(held).strip("\n")}
