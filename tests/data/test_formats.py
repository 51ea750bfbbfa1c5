"""Rows of every format become one shape."""

from __future__ import annotations

import pytest

from miniclaude.data.formats import Document, read_document
from miniclaude.data.rows import Row
from miniclaude.errors import DatasetError
from miniclaude.messages import text_message

HELLO = (text_message("user", "Hello"), text_message("assistant", "Hi!"))


@pytest.mark.parametrize(
    ("row", "name", "document"),
    [
        ({"text": "Once.", "title": "T"}, "text", "Once."),
        ({"instruction": "Hello", "input": "", "output": "Hi!"}, "alpaca", HELLO),
        (
            {"instruction": "Add", "input": "1 1", "output": "2"},
            "alpaca",
            (text_message("user", "Add\n\n1 1"), text_message("assistant", "2")),
        ),
        ({"question": "Hello", "answer": "Hi!"}, "question-answer", HELLO),
        (
            {
                "messages": [
                    {"role": "user", "content": "Hello"},
                    {"role": "assistant", "content": "Hi!"},
                ]
            },
            "messages",
            HELLO,
        ),
        (
            {
                "turns": [
                    {"speaker": "agent_1", "text": "Hello"},
                    {"speaker": "agent_2", "text": "Hi!"},
                ]
            },
            "turns",
            HELLO,
        ),
        (
            {"turns": [{"role": "user", "text": "Hello"}, {"speaker": "system", "text": "Hi!"}]},
            "turns",
            HELLO,
        ),
    ],
)
def test_each_format(row: Row, name: str, document: Document) -> None:
    assert read_document(row, name) == document


@pytest.mark.parametrize(
    ("row", "name", "says"),
    [
        ({"text": 3}, "text", "field 'text' is int, not text"),
        ({"instruction": "x"}, "alpaca", "field 'output' is NoneType"),
        ({"messages": "hello"}, "messages", "field 'messages' is not a list of objects"),
        ({"messages": [{"role": "boss", "content": ""}]}, "messages", "role 'boss' is unknown"),
        ({}, "parquet", "format 'parquet' is unknown"),
    ],
)
def test_what_is_wrong_is_said(row: Row, name: str, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        read_document(row, name)
