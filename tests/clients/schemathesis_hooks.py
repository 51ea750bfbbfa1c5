"""What schemathesis loads in `check_schemathesis.py`: names in most requests what
`schemathesis_data.py` has made, bounds what answers cost, and notes which operations were answered
well, one a line, in the file `ANSWERED`."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import schemathesis

ANSWERED = Path("answered.txt")

MOST = 32
"""Tokens of an answer. One that nobody bounds has a thousand, and shows no more."""

MAX_COUNT = 1_000_000
"""A greater bound is refused, and so is sent as it is."""

TURNS = "POST /conversations/{conversation_id}/turns"
BOUNDS = {
    "POST /chat/completions": ("max_completion_tokens", "max_tokens"),
    "POST /completions": ("max_tokens",),
    "POST /responses": ("max_output_tokens",),
    "POST /messages": ("max_tokens",),
    TURNS: ("max_tokens",),
}
"""The fields that bound an answer; the last one is given where none is."""

MADE: dict[str, list[Any]] = json.loads(Path("data.json").read_text(encoding="utf-8"))
KINDS = {
    "conversation_id": "conversations",
    "message_id": "messages",
    "turn_id": "turns",
    "task_id": "tasks",
    "preset_id": "presets",
    "file_id": "files",
    "job_id": "jobs",
    "preparation_id": "preparations",
    "model": "models",
    "number": "numbers",
}
"""Of each parameter in a path, what it names in `MADE`."""

OTHER_KINDS = {
    "DELETE /conversations/{conversation_id}": ("conversation_id", "spare_conversations"),
    "DELETE /files/{file_id}": ("file_id", "spare_files"),
    "DELETE /providers/{name}": ("name", "spare_providers"),
    "POST /providers/{name}/test": ("name", "providers"),
    "GET /library/exports/{name}": ("name", "exports"),
    "DELETE /library/exports/{name}": ("name", "spare_exports"),
    "DELETE /datasets/{name}": ("name", "spare_datasets"),
    "DELETE /models/{model}": ("model", "tuned"),
}
"""Where it is another kind: a `name` has many, and what is deleted must be one that may be."""

FIELDS = {
    "POST /library/tasks": {"model": "models"},
    "POST /library/needs": {"model": "models"},
    "PUT /library/default": {"model": "models"},
    "POST /library/remove": {"model": "copies"},
    "POST /fine-tune": {"model": "models", "data": "files"},
    "POST /fine_tuning/jobs": {"model": "models", "training_file": "files"},
    "POST /fine_tuning/preflight": {"model": "models", "training_file": "files"},
    "POST /datasets": {"sources": "sources"},
}
"""The fields of a body that must name something."""

OFTEN, SELDOM = 0.7, 0.05
"""The share of the requests whose path, or whose body, names something that is there; all do until
one was answered well. Bodies that do start a task or a training, which takes seconds."""

chance = random.Random(1)
answered: set[str] = set()


@schemathesis.hook  # type: ignore[untyped-decorator]
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Each call, before it is sent."""
    label = case.operation.label
    if label not in answered or chance.random() < OFTEN:
        for parameter in case.path_parameters or {}:
            other, kind = OTHER_KINDS.get(label, ("", ""))
            if parameter != other:
                kind = "datasets" if parameter == "name" else KINDS.get(parameter, "")
            if MADE.get(kind):
                case.path_parameters[parameter] = chance.choice(MADE[kind])
    if isinstance(case.body, dict) and (label not in answered or chance.random() < SELDOM):
        named = {name: chance.choice(MADE[kind]) for name, kind in FIELDS.get(label, {}).items()}
        case.body = {**case.body, **named}
    fields = BOUNDS.get(label)
    if fields is None or not isinstance(case.body, dict):
        return
    if label != TURNS:
        case.body = bounded(case.body, fields)
    elif isinstance(settings := case.body.get("settings", {}), dict):
        case.body = {**case.body, "settings": bounded(settings, fields)}


def bounded(body: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    """The body, whose answer has at most `MOST` tokens."""
    field = next((name for name in fields if body.get(name) is not None), fields[-1])
    asked = body.get(field)
    if asked is None or (isinstance(asked, int) and MOST < asked <= MAX_COUNT):
        return {**body, field: MOST}
    return body


@schemathesis.hook  # type: ignore[untyped-decorator]
def after_call(context: Any, case: Any, response: Any) -> None:
    """Each call, once it is answered."""
    if 200 <= response.status_code < 300:
        answered.add(case.operation.label)
        with ANSWERED.open("a", encoding="utf-8") as file:
            file.write(f"{case.operation.label}\n")
