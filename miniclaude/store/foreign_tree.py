"""Somebody else's tree of messages → our document of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from miniclaude.store.conversations import MAX_TITLE
from miniclaude.store.text import MAX_TEXT, mend_text
from miniclaude.store.transfer import FORMAT, MAX_MESSAGES

_LATEST = 1e10
"""Seconds; greater numbers are milliseconds, or less."""


@dataclass(slots=True)
class Node:
    """A message of somebody's tree. message: None where a node says nothing, or nothing that can
    be kept: its children then follow its parent."""

    parent: str | None
    message: dict[str, Any] | None


class BrokenError(Exception):
    """A conversation that does not fit its own form."""


def parent_in(parent: object, among: Mapping[str, object]) -> str | None:
    """A parent that is not in the file is none: its children are roots."""
    return parent if isinstance(parent, str) and parent in among else None


def make_document(
    title: object,
    nodes: Mapping[str, Node],
    current: object,
    *,
    archived: bool,
    pinned: bool,
    began: float,
    changed: float,
) -> dict[str, Any]:
    """Our document of a tree: parents first, nodes that say nothing taken out."""
    order = _parents_first(nodes)
    kept = [id for id in order if nodes[id].message is not None]
    if len(kept) > MAX_MESSAGES:
        raise BrokenError(f"it has {len(kept):,} messages; the most is {MAX_MESSAGES:,}")
    place = {id: number for number, id in enumerate(kept)}
    nearest: dict[str, int | None] = {}
    messages = []
    for id in order:
        node = nodes[id]
        above = None if node.parent is None else nearest[node.parent]
        nearest[id] = place.get(id, above)
        if node.message is not None:
            messages.append({"parent": above, **node.message})
    head = nearest.get(current) if isinstance(current, str) else None
    if head is None and messages:
        head = len(messages) - 1
    name = " ".join(mend_text(title).split())[:MAX_TITLE] if isinstance(title, str) else ""
    return {
        "format": FORMAT,
        "version": 1,
        "title": name,
        "pinned": pinned,
        "archived": archived,
        "head": head,
        "created_at": began,
        "updated_at": max(changed, began),
        "messages": messages,
    }


def _parents_first(nodes: Mapping[str, Node]) -> list[str]:
    """The ids, each after its parent's, siblings in the file's order. Without recursion: a
    conversation may be thousands deep."""
    children: dict[str | None, list[str]] = {}
    for id, node in nodes.items():
        children.setdefault(node.parent, []).append(id)
    order: list[str] = []
    layer: Iterable[str] = children.get(None, ())
    while layer := list(layer):
        order += layer
        layer = [child for id in layer for child in children.get(id, ())]
    if len(order) < len(nodes):
        lost = next(iter(nodes.keys() - set(order)))
        raise BrokenError(f"the message {lost[:40]!r} is its own ancestor")
    return order


def make_message(
    role: str, text: str, *, model: str | None, status: str, at: float, left_out: Counter[str]
) -> dict[str, Any]:
    if len(text) > MAX_TEXT:
        left_out["ends of messages that are too long"] += 1
    return {
        "role": role,
        "content": mend_text(text[:MAX_TEXT]),
        "status": status,
        "model": None if model is None else mend_text(model)[:200],
        "created_at": at,
        "finish_reason": None,
        "prompt_tokens": None,
        "completion_tokens": None,
        "error": None,
        "settings": None,
    }


def require_object(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = item.get(name)
    if not isinstance(value, dict):
        raise BrokenError(f"{name} is {told(value)}, not an object")
    return value


def seconds(value: object, default: float) -> float:
    """Unix seconds; some files have milliseconds or nanoseconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return default
    at = float(value)
    while at > _LATEST:
        at /= 1000
    return at if at >= 0 else default


def told(value: object) -> str:
    """What a value is, for people. Of a list, also what is first in it, but no deeper: a file may
    be a thousand lists deep."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        keys = ", ".join(repr(str(key)[:40]) for key in list(value)[:5])
        return f"an object with {keys}" if keys else "an empty object"
    if isinstance(value, list):
        if not value:
            return "an empty list"
        return f"a list of {'lists' if isinstance(value[0], list) else told(value[0])}"
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    return f"the number {value!r}" if not isinstance(value, bool) else str(value).lower()
