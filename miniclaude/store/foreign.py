"""Conversations as ChatGPT and Open WebUI export them → our documents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from miniclaude.store.foreign_tree import (
    BrokenError,
    Node,
    make_document,
    make_message,
    parent_in,
    require_object,
    seconds,
    told,
)

_CHATGPT_ROLES = {"system", "user", "assistant"}
Json = Mapping[str, Any]


def read_chatgpt(item: Json, left_out: Counter[str]) -> dict[str, Any]:
    """A conversation of ChatGPT's: `mapping` of id → {message, parent, children}."""
    mapping = require_object(item, "mapping")
    began = seconds(item.get("create_time"), 0.0)
    nodes = {}
    for id, node in mapping.items():
        if not isinstance(node, dict):
            raise BrokenError(f"mapping.{id[:40]} is {told(node)}, not an object")
        message = node.get("message")
        if message is not None and not isinstance(message, dict):
            raise BrokenError(f"mapping.{id[:40]}.message is {told(message)}, not an object")
        said = None if message is None else _said(message, id, began, left_out)
        nodes[id] = Node(parent_in(node.get("parent"), mapping), said)
    return make_document(
        item.get("title"),
        nodes,
        item.get("current_node"),
        archived=item.get("is_archived") is True,
        pinned=False,
        began=began,
        changed=seconds(item.get("update_time"), began),
    )


def _said(message: Json, id: str, began: float, left_out: Counter[str]) -> dict[str, Any] | None:
    author, content = message.get("author"), message.get("content")
    metadata = message.get("metadata") or {}
    if not isinstance(author, dict) or not isinstance(author.get("role"), str):
        raise BrokenError(f"mapping.{id[:40]}.message has no author with a role")
    if not isinstance(content, dict) or not isinstance(metadata, dict):
        raise BrokenError(f"mapping.{id[:40]}.message has no content that is an object")
    role, kind = author["role"], content.get("content_type")
    text = ""
    if role not in _CHATGPT_ROLES:
        left_out[f"messages of the role {role[:40]}"] += 1
    elif metadata.get("is_visually_hidden_from_conversation") is True:
        left_out["hidden messages"] += 1
    elif kind in ("text", "multimodal_text"):
        text = _parts(content.get("parts"), id, left_out)
    elif kind == "code" and isinstance(content.get("text"), str):
        text = f"```\n{content['text']}\n```"
    else:
        left_out[f"messages of the type {str(kind)[:40]}"] += 1
    if not text.strip():
        return None
    model = metadata.get("model_slug")
    finished = message.get("status") in ("finished_successfully", None)
    return make_message(
        role,
        text,
        model=model if role == "assistant" and isinstance(model, str) else None,
        status="complete" if finished else "interrupted",
        at=seconds(message.get("create_time"), began),
        left_out=left_out,
    )


def _parts(parts: object, id: str, left_out: Counter[str]) -> str:
    if not isinstance(parts, list):
        raise BrokenError(f"mapping.{id[:40]}.message.content.parts is {told(parts)}, not a list")
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            texts.append(part["text"])
        else:
            kind = part.get("content_type") if isinstance(part, dict) else told(part)
            left_out[f"parts of the type {str(kind)[:40]}"] += 1
    return "\n\n".join(text for text in texts if text)


def read_open_webui(item: Json, left_out: Counter[str]) -> dict[str, Any]:
    """A chat of Open WebUI's: `chat.history.messages` of id → {parentId, role, content, …}."""
    chat = require_object(item, "chat")
    history = require_object(chat, "history")
    messages = require_object(history, "messages")
    began = seconds(item.get("created_at"), 0.0)
    nodes = {}
    for id, message in messages.items():
        where = f"chat.history.messages.{id[:40]}"
        if not isinstance(message, dict):
            raise BrokenError(f"{where} is {told(message)}, not an object")
        role, content = message.get("role"), message.get("content")
        if role not in ("system", "user", "assistant"):
            raise BrokenError(f"{where}.role is {told(role)}, not user, assistant or system")
        if not isinstance(content, str):
            raise BrokenError(f"{where}.content is {told(content)}, not text")
        files = message.get("files")
        if isinstance(files, list) and files:
            left_out["files"] += len(files)
        said = None
        if content.strip():
            model = message.get("model") if role == "assistant" else None
            unfinished = role == "assistant" and message.get("done") is False
            said = make_message(
                role,
                content,
                model=model if isinstance(model, str) else None,
                status="interrupted" if unfinished else "complete",
                at=seconds(message.get("timestamp"), began),
                left_out=left_out,
            )
        else:
            left_out["empty messages"] += 1
        nodes[id] = Node(parent_in(message.get("parentId"), messages), said)
    return make_document(
        item.get("title") or chat.get("title"),
        nodes,
        history.get("currentId"),
        archived=item.get("archived") is True,
        pinned=item.get("pinned") is True,
        began=began,
        changed=seconds(item.get("updated_at"), began),
    )
