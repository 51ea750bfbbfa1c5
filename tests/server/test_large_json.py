"""JSON in pieces is the same JSON."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniclaude.server.large_json import AT_ONCE, large_json, pieces
from miniclaude.server.sse import to_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)  # fmt: skip


@given(VALUES, st.sampled_from([0, 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE]))
def test_it_is_what_one_piece_would_be(value: Any, times: int) -> None:
    data = {"choices": [{"logprobs": {"content": [value] * times}}], "usage": value}
    assert "".join(pieces(data)) == to_json(data)


def test_no_piece_is_long() -> None:
    """A hundred thousand entries in one would stop everybody's answers."""
    data = {"choices": [{"logprobs": {"content": [{"token": "a"}] * 10_000}}]}
    assert max(map(len, pieces(data))) < 20 * AT_ONCE


@pytest.mark.anyio
async def test_the_response_keeps_its_headers() -> None:
    response = await large_json({"a": [1, "ü"]}, {"x-cache": "miss"})
    assert response.body == b'{"a":[1,"\xc3\xbc"]}'
    assert response.headers["x-cache"] == "miss"
    assert response.headers["content-type"] == "application/json"
