"""Which text a database can hold.

PostgreSQL refuses U+0000 and neither database can encode a lone surrogate. What a person sends
is refused by name, so that nothing they wrote changes silently; what a model says is mended,
because an answer half given is better kept.
"""

from __future__ import annotations

import re

from miniclaude.errors import InvalidRequestError

MAX_TEXT = 1_000_000
"""The most characters one message or title may have."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def check_text(text: str, param: str, *, longest: int = MAX_TEXT) -> str:
    """`text`, if it can be stored as it is; raises InvalidRequestError naming `param`."""
    if len(text) > longest:
        raise InvalidRequestError(
            f"`{param}` has {len(text):,} characters; the most is {longest:,}.",
            hint="Shorten it, or split it into several messages.",
            param=param,
        )
    if bad := _UNSTORABLE.search(text):
        kind = "a NUL character" if bad.group() == "\x00" else "half of a surrogate pair"
        raise InvalidRequestError(
            f"`{param}` contains {kind} at character {bad.start()}.",
            hint="Remove it; it is not text that can be stored.",
            param=param,
        )
    return text


def mend_text(text: str) -> str:
    """`text` with U+FFFD in place of every character that cannot be stored; same length."""
    return _UNSTORABLE.sub("\ufffd", text)
