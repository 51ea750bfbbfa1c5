"""Reading an upload (multipart/form-data, RFC 7578) as it comes: the file goes to the disk piece by
piece and is never in memory whole."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import anyio.to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from miniclaude.errors import InvalidRequestError, UnsupportedFieldError
from miniclaude.server.error_handlers import UnsupportedMediaTypeError
from miniclaude.store.file_folder import FileWriter

MAX_PARTS = 16
MAX_FIELD_BYTES = 1_024
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
"""A broken form is the caller's to hear of; in the log it is only noise of theirs."""

_NO_TEXT = re.compile("[\x00-\x1f\x7f]")


@dataclass(slots=True)
class Upload:
    """What was sent. name: the file's, without any folder; None when there was no file."""

    fields: dict[str, str] = field(default_factory=dict)
    name: str | None = None


async def read_upload(request: Request, writer: FileWriter) -> Upload:
    """Read the body to its end, writing the part called `file` to `writer`.

    Raises UnsupportedMediaTypeError when the body is no form or is compressed, InvalidRequestError
    when it breaks the format, and what `writer` raises.
    """
    content_type = request.headers.get("content-type", "")
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 70:
        raise UnsupportedMediaTypeError(
            f"The body's content type is {content_type[:100] or 'not given'!r}.",
            hint="Send a form: multipart/form-data with its boundary, as `curl -F` does.",
        )
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaTypeError(
            "The upload is compressed.", hint="Send it as it is, without Content-Encoding."
        )
    return await _read(request.stream(), _Form(boundary, writer))


async def _read(body: AsyncIterator[bytes], form: _Form) -> Upload:
    try:
        async for chunk in body:
            if chunk:
                await anyio.to_thread.run_sync(form.parser.write, chunk)
        form.parser.finalize()
    except FormParserError as error:
        raise _bad_form(str(error)) from None
    if not form.ended:
        raise _bad_form("it ends in the middle of a part")
    return form.upload


class _Form:
    """Turns the parser's callbacks into an Upload. The parser itself bounds a part's headers."""

    def __init__(self, boundary: bytes, writer: FileWriter) -> None:
        self.upload = Upload()
        self.ended = False
        self._writer = writer
        self._parts = 0
        self._header = bytearray()
        self._value = bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._part = ""
        self._text = bytearray()
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._all,
            },
        )

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise _bad_form(f"it has more than {MAX_PARTS} parts")
        self._headers.clear()
        self._text.clear()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition"))
        if kind != b"form-data" or b"name" not in options:
            raise _bad_form("a part has no name")
        self._part = options[b"name"].decode("utf-8", "replace")
        if self._part in self.upload.fields:
            raise _bad_form(f"{self._part[:64]!r} is given twice")
        if self._part == "file":
            if self.upload.name is not None:
                raise _bad_form("it has more than one file")
            self.upload.name = _bare_name(options.get(b"filename", b""))
        elif self._part != "purpose":
            raise UnsupportedFieldError(
                f"{self._part[:64]}: this field is not known here.",
                hint="Send `file` and `purpose`.",
                param=self._part[:64],
            )

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._part == "file":
            self._writer.write(memoryview(data)[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > MAX_FIELD_BYTES:
            raise _bad_form(f"{self._part[:64]!r} is longer than {MAX_FIELD_BYTES:,} bytes")

    def _end(self) -> None:
        if self._part != "file":
            self.upload.fields[self._part] = self._text.decode("utf-8", "replace")

    def _all(self) -> None:
        self.ended = True


def _bare_name(sent: bytes) -> str:
    """The last part of a path, of whatever system the sender has; it is only ever shown."""
    name = re.split(r"[/\\]", sent.decode("utf-8", "replace"))[-1]
    return _NO_TEXT.sub("", name)[-255:] or "upload"


def _bad_form(problem: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"The form cannot be read: {problem}.",
        hint="Send `purpose` and one `file` as multipart/form-data.",
        code="bad_form",
    )
