"""Ratings of answers, and what can be learnt from them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request

from miniclaude.feedback.rows import FeedbackFormat, feedback_rows
from miniclaude.server.attachment import Attachment
from miniclaude.server.body import read_json
from miniclaude.server.routes.conversations import OWNER
from miniclaude.server.services import services_of
from miniclaude.server.sse import to_json
from miniclaude.server.wire.feedback import RatingBody, counts_json, rating_json
from miniclaude.server.wire.validation import validate

router = APIRouter()

PLACE = "/conversations/{conversation_id}/messages/{message_id}/rating"


@router.put(PLACE)
async def rate(request: Request, conversation_id: str, message_id: str) -> dict[str, Any]:
    """Say what you think of an answer; what was said before is replaced."""
    body = validate(RatingBody, await read_json(request))
    rating = await services_of(request).ratings.put(
        OWNER,
        conversation_id,
        message_id,
        thumb=body.thumb,
        reason=body.reason,
        note=body.note,
        correction=body.correction,
    )
    return rating_json(rating)


@router.delete(PLACE, status_code=204)
async def unrate(request: Request, conversation_id: str, message_id: str) -> None:
    """Take a rating back."""
    await services_of(request).ratings.remove(OWNER, conversation_id, message_id)


@router.get("/feedback")
async def count_feedback(request: Request) -> dict[str, Any]:
    """How many answers are rated, and how."""
    return counts_json(await services_of(request).ratings.counts(OWNER))


@router.get("/feedback/export")
async def export_feedback(
    request: Request,
    format: FeedbackFormat = "preference",
) -> Attachment:
    """Rows to learn from, one JSON object a line."""
    services = services_of(request)

    async def lines() -> AsyncGenerator[str, None]:
        async for row in feedback_rows(services.messages, services.ratings, OWNER, format):
            yield to_json(row) + "\n"

    return Attachment(
        lines(), f"feedback-{format}.jsonl", "application/jsonl", stopping=services.stopping
    )
