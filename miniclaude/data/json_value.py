"""One JSON value from outside, read strictly.

Python's `json` accepts what others do not write: NaN, repeated keys, half a surrogate pair. Here
each is an error with a name.
"""

from __future__ import annotations

import json

from miniclaude.errors import RowError

MAX_DEPTH = 64
"""Levels of lists and objects; what goes deeper cannot be written again from everywhere."""
ONE_A_LINE = 'Write each row as one JSON object: {"messages": [{"role": "user", …}, …]}.'


def parse(data: bytes | str, what: str = "The line") -> object:
    """The value of a JSON text. Raises RowError with the name of what is wrong."""
    text = data if isinstance(data, str) else decode(data, what)
    try:
        value = DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise explain(error, text, what) from None
    check_value(value, text, what)
    return value


def check_value(value: object, text: str, what: str) -> None:
    """Raise RowError for a value with half a surrogate pair in a text, or nested more than
    `MAX_DEPTH` deep; text: what it was read from."""
    if text.count("{") + text.count("[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise _too_deep(what)
    if "\\u" in text:
        _refuse_lone_surrogates(value, what)


def decode(data: bytes, what: str) -> str:
    """Bytes as UTF-8. Raises RowError saying which byte is not."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise RowError(
            f"{what} is not UTF-8: byte {error.start + 1} of it is 0x{data[error.start]:02x}.",
            hint="Save the file as UTF-8; most editors ask for the encoding when saving.",
            code="invalid_utf8",
        ) from None


def explain(error: Exception, text: str, what: str) -> RowError:
    """The RowError for what the decoder raised on `text`."""
    if isinstance(error, RowError):
        return error
    if isinstance(error, RecursionError):
        return _too_deep(what)
    if not isinstance(error, json.JSONDecodeError):
        return RowError(
            f"{what} has a whole number of too many digits.",
            hint="Write it as text, or remove it.",
            code="number_too_long",
        )
    cut = error.pos >= len(text.rstrip())
    return RowError(
        f"{what} is not JSON: "
        + (
            "it ends in the middle of a value."
            if cut
            else f"{error.msg} at column {error.pos + 1}."
        ),
        hint=_cure(text, error),
        code="not_json",
    )


def _cure(text: str, error: json.JSONDecodeError) -> str:
    at = text[error.pos : error.pos + 1]
    if at == "'":
        return "JSON has double quotes only: write \"…\" for '…'."
    if error.msg.startswith("Extra data"):
        return "Put each object on a line of its own, or all of them into one list."
    if error.msg.startswith("Invalid control character"):
        return "Inside text, write a line end as \\n and a tab as \\t."
    if at in "]}" and at:
        return "Remove the comma before the closing bracket."
    return ONE_A_LINE


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object, refused when a key occurs twice: one of the values would be lost."""
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise RowError(
            f"The key {twice!r} occurs twice in one object.",
            hint="Remove one of the two.",
            code="duplicate_key",
        )
    return value


def _no_constant(name: str) -> object:
    raise RowError(
        f"The row holds {name}, which JSON does not have.",
        hint="Write null, or remove the field.",
        code="invalid_number",
    )


def _too_deep(what: str) -> RowError:
    return RowError(
        f"{what} has values nested too deeply.",
        hint="A row has at most a few levels of lists and objects; correct or remove it.",
        code="nested_too_deeply",
    )


def _depth(value: object) -> int:
    """How deep lists and objects are nested, counted level by level."""
    depth = 0
    level = [value]
    while level := [
        inner
        for outer in level
        if isinstance(outer, dict | list)
        for inner in (outer.values() if isinstance(outer, dict) else outer)
    ]:
        depth += 1
    return depth


def _refuse_lone_surrogates(value: object, what: str) -> None:
    """Raise RowError when a text in `value` cannot be written as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = ord(error.object[error.start])
        raise RowError(
            f"{what} has half a surrogate pair, \\u{half:04x}, in a text.",
            hint="Write the whole pair, or the character itself.",
            code="lone_surrogate",
        ) from None


DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
