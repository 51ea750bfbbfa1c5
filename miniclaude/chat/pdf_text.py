"""A process that reads the text of one PDF: `python -m miniclaude.chat.pdf_text CHARACTERS`.

The file comes on standard input. On standard output goes one JSON object: {"pages", "read",
"text"}, or {"problem"}. Time and memory are bounded by the operating system where it can.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import suppress

MAX_PAGES = 300
CPU_SECONDS = 20
MEMORY_BYTES = 1 << 30


def bound_this_process() -> None:
    """So that no file takes more than its share."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def pdf_text(data: bytes, most: int) -> dict[str, object]:
    """The pages' text up to `most` characters, or what is wrong with the file."""
    from pypdf import PdfReader

    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            return {"problem": "is encrypted"}
        texts: list[str] = []
        length = 0
        pages = len(reader.pages)
        for page in reader.pages[:MAX_PAGES]:
            text = page.extract_text().strip()
            texts.append(text)
            length += len(text)
            if length > most:
                break
    except MemoryError:
        return {"problem": "takes too much memory to read"}
    except Exception:  # a broken file makes the reader stumble in many ways
        return {"problem": "is a broken PDF"}
    return {"pages": pages, "read": len(texts), "text": "\n\n".join(texts)[: most + 1]}


def main() -> None:
    """Read, and tell."""
    bound_this_process()
    found = pdf_text(sys.stdin.buffer.read(), int(sys.argv[1]))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
