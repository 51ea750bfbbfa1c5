"""Errors as Anthropic's clients know them."""

from __future__ import annotations

from typing import Any

PATHS = frozenset({"/messages", "/messages/count_tokens"})
"""Where this protocol is spoken, without the prefix `/v1`."""

TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    424: "api_error",  # of their types the one that does not lay it to the request
    429: "rate_limit_error",
    503: "overloaded_error",
}


def speaks_anthropic(path: str) -> bool:
    """Whether the caller of this address expects Anthropic's shapes."""
    return path.removeprefix("/v1") in PATHS


def anthropic_error(status: int, message: str, request_id: str) -> dict[str, Any]:
    """The shape. It has no place for the field at fault, which the message names."""
    kind = TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
    return {
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": request_id,
    }
