"""What schemathesis loads in `check_schemathesis.py`: bounds what answers cost, and notes which
operations were answered well, one a line, in the file `ANSWERED`."""

from __future__ import annotations

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


@schemathesis.hook  # type: ignore[untyped-decorator]
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Each call, before it is sent."""
    fields = BOUNDS.get(case.operation.label)
    if fields is None or not isinstance(case.body, dict):
        return
    if case.operation.label != TURNS:
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
        with ANSWERED.open("a", encoding="utf-8") as file:
            file.write(f"{case.operation.label}\n")
