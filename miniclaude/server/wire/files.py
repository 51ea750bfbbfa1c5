"""Uploaded files, as the OpenAI API writes them."""

from __future__ import annotations

from typing import Any

from miniclaude.errors import InvalidRequestError, UnsupportedFieldError
from miniclaude.server.upload import Upload
from miniclaude.store.files import StoredFile

PURPOSE = "fine-tune"
"""What files may be uploaded for."""

OTHER_PURPOSES = ("assistants", "batch", "evals", "user_data", "vision")
"""What the OpenAI API offers besides."""

Json = dict[str, Any]


def check_upload(upload: Upload, size: int) -> str:
    """The file's name. Raises InvalidRequestError when something is missing, UnsupportedFieldError
    for another purpose."""
    purpose = upload.fields.get("purpose")
    if purpose is None:
        raise InvalidRequestError(
            "purpose: this field is required.",
            hint=f"Send purpose={PURPOSE}.",
            param="purpose",
            code="missing_required_parameter",
        )
    if purpose in OTHER_PURPOSES:
        raise UnsupportedFieldError(
            f"purpose: {purpose!r} is not offered here.",
            hint=f"Use {PURPOSE!r}.",
            param="purpose",
        )
    if purpose != PURPOSE:
        raise InvalidRequestError(
            f"purpose: {purpose[:64]!r} is not a purpose.",
            hint=f"Use {PURPOSE!r}.",
            param="purpose",
        )
    if upload.name is None:
        raise InvalidRequestError(
            "file: this field is required.",
            hint="Send the file's bytes as the form's part `file`.",
            param="file",
            code="missing_required_parameter",
        )
    if size == 0:
        raise InvalidRequestError(
            f"file: {upload.name!r} is empty.", hint="Send a file with examples.", param="file"
        )
    return upload.name


def file_json(file: StoredFile) -> Json:
    """A file, without its bytes."""
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": int(file.created_at),
        "expires_at": None,
        "filename": file.name,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }


def list_json(data: list[Json], *, has_more: bool) -> Json:
    """Part of a list."""
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": has_more,
    }
