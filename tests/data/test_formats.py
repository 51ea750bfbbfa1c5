"""Rows of every format become one shape."""

from __future__ import annotations

import pytest

from miniclaude.data.formats import Document, read_document
from miniclaude.data.raw import Row
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
            "openai",
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
