"""Rows of JSON Lines and of JSON lists, one at a time."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from miniclaude.data.json_value import DECODER, check_value, parse
from miniclaude.data.plain_rows import read_plain
from miniclaude.data.raw import (
    MAX_ROW,
    PASSED_OVER,
    BadRow,
    RawRow,
    Share,
    require_object,
    too_long,
)
from miniclaude.errors import RowError

CHUNK = 1 << 18
"""Bytes of a list read at once."""

BETWEEN = re.compile(r"[ \t\r\n,]*")
STRUCTURE = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["{}\[\],]', re.DOTALL)
"""A whole text, or a sign; a quote that opens a text which is cut off is a sign."""
INSIDE = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
OUTSIDE = re.compile(r'[^"{}\[\]]*+')
"""What may be passed over inside of a text, and outside of one."""
SURROGATE = re.compile("[\ud800-\udfff]")


def read_json_lines(file: BinaryIO, share: Share | None = None) -> Iterator[RawRow]:
    """One row a line; blank lines are passed over and counted. share: other rows come unparsed."""
    number = 0
    while line := file.readline(MAX_ROW + 1):
        number += 1
        if len(line) > MAX_ROW:
            yield number, too_long(line)
            while line and not line.endswith(b"\n"):
                line = file.readline(CHUNK)
            continue
        line = line.strip()
        if not line:
            continue
        if b"\r" in line:  # line ends of an old Macintosh among others
            for piece in line.split(b"\r"):
                if piece.strip():
                    yield number, _row(piece) if share is None or share.mine else PASSED_OVER
                number += 1
            number -= 1
            continue
        if share is None:
            yield number, _row(line)
        elif not share.mine:
            yield number, PASSED_OVER
        else:
            plain = read_plain(line) if share.plain else None
            yield number, _row(line) if plain is None else plain


def _row(line: bytes) -> dict[str, object] | BadRow:
    try:
        return require_object(parse(line.removeprefix(b"\xef\xbb\xbf")))
    except RowError as error:
        return BadRow(error, line)


def read_json_values(file: BinaryIO) -> Iterator[RawRow]:
    """The items of a JSON list, or JSON objects one after the other, numbered from 1.

    No more of the file is held than the longest item needs. Where the decoder stops, the brackets
    tell whether the item is faulty, and the next begins behind it, or there is more to read.
    """
    source = _Text(file)
    number = 0
    listed = False
    while source.next_sign():
        sign = source.text[source.at]
        if sign == "[" and not listed:
            listed = True
            source.at += 1
        elif sign == "]" and listed:
            listed = False
            source.at += 1
        else:
            number += 1
            yield number, _item(source)
    if listed:
        raise EOFError


def _item(source: _Text) -> dict[str, object] | BadRow:
    """The item that begins at the place of `source`, which moves behind it."""
    while True:
        text, start = source.text, source.at
        try:
            value, end = DECODER.raw_decode(text, start)
        except (ValueError, RecursionError, RowError):
            over = item_end(text, start)
            if over is not None or (len(text) - start <= MAX_ROW and not source.more()):
                source.at = len(text) if over is None else over
                return _checked(text[start : source.at])
            if len(text) - start > MAX_ROW:
                shown = text[start : start + 8_000].encode("utf-8", "replace")
                _skip_item(source)
                return too_long(shown)
            continue
        # A number that ends what was read may go on.
        if end < len(text) or isinstance(value, dict | list) or not source.more():
            source.at = end
            raw = text[start:end]
            if source.doubtful or not isinstance(value, dict):
                return _checked(raw)
            try:
                check_value(value, raw, "The item")
            except RowError as error:
                return BadRow(error, raw[:8_000].encode())
            return value


def _checked(raw: str) -> dict[str, object] | BadRow:
    """The row of one item's text. Bytes that are not UTF-8 stand in it as lone surrogates."""
    data = raw.encode("utf-8", "surrogateescape")
    try:
        return require_object(parse(data, "The item"))
    except RowError as error:
        return BadRow(error, data[:8_000])


class _Text:
    """What of a stream is held as text, from the place `at` on.

    doubtful: whether bytes were met that are not UTF-8.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._ended = False
        self.text = ""
        self.at = 0
        self.doubtful = False

    def more(self) -> bool:
        """Read on, dropping what is behind; as much again as is held, so that an item read in
        pieces costs no more than a few times its length. False at the end."""
        if self._ended:
            return False
        held = len(self.text) - self.at
        data = self._file.read(max(CHUNK, min(held, MAX_ROW - held)))
        self._ended = not data
        new = self._decoder.decode(data, final=self._ended)
        if not self.doubtful and not new.isascii():
            self.doubtful = SURROGATE.search(new) is not None
        self.text = self.text[self.at :] + new
        self.at = 0
        return True

    def next_sign(self) -> bool:
        """Move over spaces and commas; False at the end."""
        while True:
            match = BETWEEN.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.text):
                return True
            if not self.more():
                return False


def item_end(text: str, start: int) -> int | None:
    """Where the item that begins at `start` ends, by its brackets; None when it is cut off. A
    bracket that is never closed ends with the one around it."""
    opened: list[str] = []
    for match in STRUCTURE.finditer(text, start):
        sign = match[0]
        if sign == '"':
            return None
        if sign in "{[":
            opened.append(sign)
        elif sign in "}]":
            opener = "{" if sign == "}" else "["
            if opener not in opened:
                if not opened:
                    return max(match.start(), start + 1)
                continue
            while opened.pop() != opener:
                pass
            if not opened:
                return match.end()
        elif sign == "," and not opened:
            return match.start()
    return None


def _skip_item(source: _Text) -> None:
    """Move behind an item too long to hold."""
    depth, inside = 0, False
    while True:
        text = source.text
        while source.at < len(text):
            if inside:
                source.at = _end_of(INSIDE, source)
                if not text.startswith('"', source.at):
                    break  # the text goes on, perhaps behind a backslash
                inside = False
                source.at += 1
                continue
            source.at = _end_of(OUTSIDE, source)
            sign = text[source.at : source.at + 1]
            source.at += len(sign)
            if sign == '"':
                inside = True
            elif sign in ("{", "["):
                depth += 1
            elif sign:
                depth -= 1
                if depth == 0:
                    return
        if not source.more():
            source.at = len(source.text)
            return


def _end_of(pattern: re.Pattern[str], source: _Text) -> int:
    match = pattern.match(source.text, source.at)
    return match.end() if match else source.at
