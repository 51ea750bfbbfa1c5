"""Files of conversations, from us and from others → our own documents (`transfer.py`).

Read are: what Mini-Claude exported, one conversation or all; ChatGPT's `conversations.json`; Open
WebUI's export of chats. What has no place here (pictures, hidden messages, …) is left out and
counted by its name; what does not fit its own form is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from miniclaude.errors import InvalidRequestError
from miniclaude.store.foreign import read_chatgpt, read_open_webui
from miniclaude.store.foreign_tree import BrokenError, told
from miniclaude.store.transfer import FORMAT, Checked

ALL_FORMAT = "mini-claude.conversations"
MAX_CONVERSATIONS = 20_000
MAX_ALL_MESSAGES = 400_000
"""Of one file."""

EXPECTED = (
    "a conversation or all conversations that Mini-Claude exported, ChatGPT's conversations.json,"
    " or Open WebUI's export of chats"
)

Reader = Callable[[Mapping[str, Any], Counter[str]], dict[str, Any]]


@dataclass(slots=True)
class Imports:
    """What a file holds. source: whose it is. left_out: how often what was left out."""

    source: str
    documents: list[Checked] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def read_imports(value: object) -> Imports:
    """The conversations in a file's JSON.

    Raises InvalidRequestError saying what was found, where, and what is expected.
    """
    if isinstance(value, dict) and value.get("format") == FORMAT:
        return _ours([value])
    if isinstance(value, dict) and value.get("format") == ALL_FORMAT:
        return _ours(value.get("conversations"))
    items = [value] if isinstance(value, dict) else value
    first = items[0] if isinstance(items, list) and items else None
    if isinstance(items, list) and isinstance(first, dict):
        if "mapping" in first:
            return _theirs("ChatGPT", items, read_chatgpt)
        if "chat" in first:
            return _theirs("Open WebUI", items, read_open_webui)
        if first.get("format") == FORMAT:
            return _ours(items)
    raise InvalidRequestError(
        f"This is no file of conversations: it holds {told(value)}.",
        hint=f"Expected is {EXPECTED}.",
        param="file",
        code="unknown_format",
    )


def _ours(items: object) -> Imports:
    made = Imports("Mini-Claude")
    for number, item in enumerate(_listed(items, "conversations")):
        try:
            made.documents.append(Checked(item))
        except InvalidRequestError as error:
            raise _wrong(number, item, error.message) from None
    return _bounded(made)


def _theirs(source: str, items: Sequence[object], read: Reader) -> Imports:
    made = Imports(source)
    for number, item in enumerate(_listed(items, "conversations")):
        if not isinstance(item, dict):
            raise _wrong(number, item, f"it is {told(item)}, not an object")
        try:
            document = read(item, made.left_out)
            if document["messages"]:
                made.documents.append(Checked(document))
            else:
                made.left_out["conversations without a message"] += 1
        except BrokenError as error:
            raise _wrong(number, item, str(error)) from None
    return _bounded(made)


def _listed(items: object, name: str) -> Sequence[object]:
    if not isinstance(items, list):
        raise InvalidRequestError(
            f"{name}: it is {told(items)}, not a list.",
            hint=f"Expected is {EXPECTED}.",
            param=name,
        )
    if len(items) > MAX_CONVERSATIONS:
        raise InvalidRequestError(
            f"The file holds {len(items):,} conversations; the most is {MAX_CONVERSATIONS:,}.",
            hint="Cut it into several files.",
            param="file",
        )
    return items


def _bounded(made: Imports) -> Imports:
    total = sum(document.messages for document in made.documents)
    if total > MAX_ALL_MESSAGES:
        raise InvalidRequestError(
            f"The file holds {total:,} messages; the most is {MAX_ALL_MESSAGES:,}.",
            hint="Cut it into several files.",
            param="file",
        )
    return made


def _wrong(number: int, item: object, what: str) -> InvalidRequestError:
    title = item.get("title") if isinstance(item, dict) else None
    named = f" ({title[:60]!r})" if isinstance(title, str) and title else ""
    return InvalidRequestError(
        f"Conversation {number + 1} of the file{named} cannot be read: {what.rstrip('.')}."
        " Nothing was imported.",
        hint=f"Expected is {EXPECTED}, unchanged.",
        param="file",
        code="broken_file",
    )
