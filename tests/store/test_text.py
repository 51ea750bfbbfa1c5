"""Text that no database can hold: refused from people, mended from models."""

from __future__ import annotations

import pytest

from miniclaude.errors import InvalidRequestError
from miniclaude.store.text import MAX_TEXT, check_text, mend_text


def test_ordinary_text_is_left_alone() -> None:
    text = "Grüße 👋\u200b\u0001\uffff\U0010ffff\r\n"
    assert check_text(text, "content") == text == mend_text(text)


@pytest.mark.parametrize("code", [0, 0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_what_cannot_be_stored_is_named_or_mended(code: int) -> None:
    bad = chr(code)
    with pytest.raises(
        InvalidRequestError, match=r"`content` contains .* at character 2"
    ) as raised:
        check_text(f"ab{bad}c", "content")
    assert raised.value.param == "content"
    assert mend_text(f"ab{bad}c") == "ab\ufffdc"


def test_text_has_a_longest_length() -> None:
    check_text("x" * MAX_TEXT, "content")
    with pytest.raises(InvalidRequestError, match="1,000,001 characters; the most is 1,000,000"):
        check_text("x" * (MAX_TEXT + 1), "content")
