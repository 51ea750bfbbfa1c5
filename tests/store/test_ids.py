"""Ids sort by time, and only ids pass for ids."""

from __future__ import annotations

import time
import uuid

import pytest

from miniclaude.errors import NotFoundError
from miniclaude.store.ids import new_id, require_id


def test_ids_are_version_7_and_strictly_increase() -> None:
    """Two rows made within one tick of the clock must keep their order."""
    ids = [new_id() for _ in range(10_000)]
    assert ids == sorted(set(ids))
    for made in (ids[0], ids[-1]):
        parsed = uuid.UUID(made)
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert abs(int(ids[0][:12], 16) / 1000 - time.time()) < 60


def test_an_id_has_one_shape() -> None:
    made = new_id()
    assert require_id(made, "turn") == made
    for odd in ("", made.upper() + "", made + "\n", made[:-1], f"{uuid.UUID(made)}", "g" * 32):
        with pytest.raises(NotFoundError, match="There is no such turn"):
            require_id(odd, "turn")
