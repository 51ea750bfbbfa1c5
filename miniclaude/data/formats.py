"""The shapes training rows come in, and the one shape they leave in.

Readers of each are in `supervised.py` and `comparison.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from miniclaude.data.comparison import read_kto, read_preference
from miniclaude.data.conversation import require_answer
from miniclaude.data.example import Example, Place
from miniclaude.data.fields import refuse_media
from miniclaude.data.raw import Row
from miniclaude.data.supervised import SUPERVISED
from miniclaude.errors import DatasetError, RowError
from miniclaude.messages import Message

Document = str | tuple[Message, ...]
"""What a row says, without what it is for."""

READERS: dict[str, Callable[[Row, Place], Example]] = {
    **SUPERVISED,
    "preference": read_preference,
    "kto": read_kto,
}


def read_example(row: Row, place: Place, format_name: str) -> Example:
    """The row as an example of the format. Raises RowError, its code the error's name."""
    refuse_media(row)
    example = READERS[format_name](row, place)
    if example.messages and not example.chosen:
        require_answer(example.messages)
        if example.unlearned:
            _require_something_to_learn(example)
    return example


def read_document(row: Row, format_name: str) -> Document:
    """What the row says, whether or not the assistant has the last word. Raises RowError, and
    DatasetError for an unknown format."""
    require_format(format_name)
    example = READERS[format_name](row, Place("", 1))
    return example.messages or example.text


def require_format(name: str) -> None:
    """Raise DatasetError unless there is a format of that name."""
    if name not in READERS:
        raise DatasetError(
            f"The data format {name!r} is unknown.",
            hint=f"Use one of {', '.join(READERS)}.",
            param="format",
            code="unknown_format",
        )


def _require_something_to_learn(example: Example) -> None:
    spoken = (n for n, message in enumerate(example.messages) if message.role == "assistant")
    if all(n in example.unlearned for n in spoken):
        raise RowError(
            "Every message of the assistant has weight 0, so there is nothing to learn.",
            hint="Give at least one of them the weight 1, or remove the row.",
            param="messages",
            code="no_trainable_token",
        )
