"""Fields of a row, read with the error that names them."""

from __future__ import annotations

from collections.abc import Mapping

from miniclaude.errors import RowError

MEDIA = frozenset({"images", "image", "videos", "video", "audios", "audio"})


def text_field(row: Mapping[str, object], name: str) -> str:
    """A text that is there and not empty. Raises RowError."""
    value = row.get(name)
    if isinstance(value, str) and value:
        return value
    if value is None or value == "":
        raise RowError(
            f"{name} is {'missing' if name not in row else 'empty'}.",
            hint=f'Write the text of "{name}", or remove the row.',
            param=name,
            code="missing_field" if name not in row else "missing_content",
        )
    raise not_text(name, value)


def optional_text(row: Mapping[str, object], name: str) -> str:
    """A text that may be missing; then empty. Raises RowError for anything but text."""
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise not_text(name, value)


def not_text(name: str, value: object) -> RowError:
    """The refusal of a value that should be text."""
    return RowError(
        f"{name} is {kind_of(value)}, not text.",
        hint=f'Write it between quotes: "{name}": "…".',
        param=name,
        code="not_text",
    )


def refuse_media(row: Mapping[str, object]) -> None:
    """Raise RowError for a row with images, videos or sound: the text alone would mislead."""
    if MEDIA.isdisjoint(row):
        return
    for name in row:
        if name in MEDIA and row[name]:
            raise RowError(
                f"The row has {name}; only text can be learnt from.",
                hint=f'Remove "{name}" if the text makes sense alone, or leave the row out.',
                param=name,
                code="unsupported_media",
            )


def kind_of(value: object) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "missing"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    names = {dict: "an object", bool: "true or false", str: "text", int: "a number"}
    return names.get(type(value), "a number" if isinstance(value, float) else "no JSON value")
