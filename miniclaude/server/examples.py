"""Requests that work as they stand, for the OpenAPI document: for people to copy, and for programs
to begin from. They ask for little, so that a small machine answers them at once."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

QUESTION = "Name a colour."
PROMPT = "The colour of the sky is"
FEW = 16
"""Tokens of an answer."""


def example_bodies(model: str) -> dict[tuple[str, str], list[Json]]:
    """Bodies by method and path. model: one that is on offer; "" leaves out what must name one."""
    there: dict[tuple[str, str], list[Json]] = {
        ("post", "/conversations"): [{"title": "Colours"}],
        ("patch", "/conversations/{conversation_id}"): [{"pinned": True, "folder": "Colours"}],
        ("post", "/conversations/{conversation_id}/turns"): [
            {"content": QUESTION, "settings": {"max_tokens": FEW}}
        ],
        ("put", "/conversations/{conversation_id}/messages/{message_id}/rating"): [
            {"thumb": "up", "reason": "helpful"}
        ],
        ("post", "/presets"): [{"name": "Calm", "settings": {"temperature": 0.5}}],
    }
    if not model:
        return there
    messages = [{"role": "user", "content": QUESTION}]
    chat = {"model": model, "messages": messages, "max_tokens": FEW}
    raw = {"model": model, "prompt": PROMPT, "max_tokens": FEW}
    response = {"model": model, "input": QUESTION, "max_output_tokens": FEW}
    return {
        **there,
        ("post", "/chat/completions"): [chat, {**chat, "stream": True}],
        ("post", "/completions"): [raw, {**raw, "stream": True}],
        ("post", "/responses"): [response, {**response, "stream": True}],
        ("post", "/messages"): [chat, {**chat, "stream": True}],
        ("post", "/messages/count_tokens"): [{"model": model, "messages": messages}],
        ("post", "/embeddings"): [{"model": model, "input": PROMPT}],
    }


def give_examples(paths: Json, model: str) -> None:
    """Put the examples into the paths of an OpenAPI document. model: as in `example_bodies`."""
    for (method, path), bodies in example_bodies(model).items():
        content = paths[path][method]["requestBody"]["content"]["application/json"]
        content["examples"] = {
            "streamed" if body.get("stream") else "whole": {"value": body} for body in bodies
        }
    if model:
        [name] = paths["/models/{model}"]["get"]["parameters"]
        name["example"] = model
