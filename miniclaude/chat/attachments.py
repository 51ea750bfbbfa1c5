"""Files that are put into a question: text as it is, of a PDF the text of its pages.

A file is what its bytes say, whatever its name claims. PDFs are read by a process of their own
(`pdf_text.py`), bounded in time and memory: the format is old, and files of it may be hostile.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from dataclasses import dataclass

from miniclaude.errors import InvalidRequestError
from miniclaude.store.text import mend_text

MAX_BYTES = 20_000_000
MAX_CHARACTERS = 200_000
"""Of a file's text; what comes after is left out, and that is told."""
PDF_SECONDS = 30.0
AT_ONCE = 2

PICTURES = {
    b"\x89PNG\r\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
}
_NOT_FOR_NAMES = re.compile(r'[\x00-\x1f\x7f"<>&]')

_reading = asyncio.Semaphore(AT_ONCE)


@dataclass(frozen=True, slots=True)
class Attachment:
    """What of a file goes into a question. pages: of a PDF, how many there are; 0 for text.
    pages_read: how many were read. truncated: there was more text than is taken."""

    name: str
    text: str
    pages: int = 0
    pages_read: int = 0
    truncated: bool = False

    @property
    def block(self) -> str:
        """The text between marks that name it; its length is in them, so that text that looks like
        a mark is no end."""
        head = f'<attachment name="{self.name}" characters="{len(self.text)}">'
        return f"{head}\n{self.text}\n</attachment>"


async def read_attachment(name: str, data: bytes) -> Attachment:
    """The text of a file. Raises InvalidRequestError, naming it, for what is neither text nor a
    PDF with text."""
    name = _NOT_FOR_NAMES.sub("", re.split(r"[/\\]", name)[-1]).strip()[-120:] or "file"
    if not data:
        raise _refused(name, "is empty", "Choose a file with text in it.")
    if b"%PDF-" in data[:1024]:
        return await _read_pdf(name, data)
    for magic, kind in PICTURES.items():
        if data.startswith(magic):
            raise _refused(
                name,
                f"is a picture ({kind}), which is not read as text",
                "Send it as one of a question's `pictures`, to a model that sees.",
            )
    return _bounded(name, _decode(name, data))


def _decode(name: str, data: bytes) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _refused(
            name,
            f"is neither text in UTF-8 nor a PDF (byte {error.start})",
            "Save it as plain text or as a PDF, then attach that.",
        ) from None
    if "\x00" in text:
        raise _refused(
            name, "holds NUL characters, so it is no text", "Attach plain text or a PDF."
        )
    return text


async def _read_pdf(name: str, data: bytes) -> Attachment:
    async with _reading:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "miniclaude.chat.pdf_text", str(MAX_CHARACTERS)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        )
        try:
            async with asyncio.timeout(PDF_SECONDS):
                told, _ = await process.communicate(data)
        except TimeoutError:
            told = b""
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    cure = "Copy what matters out of it, and paste that."
    try:
        found = json.loads(told)
    except ValueError:
        raise _refused(name, "takes too long or too much memory to read", cure) from None
    if problem := found.get("problem"):
        raise _refused(name, str(problem), cure)
    text = str(found["text"])
    if not text.strip():
        raise _refused(name, "holds no text; its pages may be pictures", cure)
    pages, read = int(found["pages"]), int(found["read"])
    return _bounded(name, text, pages=pages, pages_read=read, more=read < pages)


def _bounded(
    name: str, text: str, *, pages: int = 0, pages_read: int = 0, more: bool = False
) -> Attachment:
    text = mend_text(text.replace("\r\n", "\n").replace("\r", "\n"))
    cut = text[:MAX_CHARACTERS]
    return Attachment(name, cut, pages, pages_read, more or len(cut) < len(text))


def _refused(name: str, problem: str, hint: str) -> InvalidRequestError:
    return InvalidRequestError(f"{name} {problem}.", hint=hint, param="name", code="bad_attachment")
