"""Ratings, as the page sends and reads them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import StringConstraints

from miniclaude.server.wire.validation import StrictBody
from miniclaude.store.ratings import MAX_NOTE, Rating, RatingCounts, Reason, Thumb
from miniclaude.store.text import MAX_TEXT

Json = dict[str, Any]


class RatingBody(StrictBody):
    """What a person thinks of an answer. correction: their better answer, kept beside it."""

    thumb: Thumb | None = None
    reason: Reason | None = None
    note: Annotated[str, StringConstraints(max_length=MAX_NOTE)] = ""
    correction: Annotated[str, StringConstraints(max_length=MAX_TEXT)] | None = None


def rating_json(rating: Rating) -> Json:
    """A rating, without the message that it is of."""
    return {
        "thumb": rating.thumb,
        "reason": rating.reason,
        "note": rating.note,
        "correction": rating.correction,
        "created_at": rating.created_at,
        "updated_at": rating.updated_at,
    }


def counts_json(counts: RatingCounts) -> Json:
    """How much there is to learn from."""
    return {
        "ratings": counts.ratings,
        "up": counts.up,
        "down": counts.down,
        "corrections": counts.corrections,
    }
