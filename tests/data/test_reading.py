"""Every form a row comes in becomes the same example; detection says why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path

import pytest

from miniclaude.data.example import Example, to_row
from miniclaude.data.plain_rows import PlainRow
from miniclaude.data.raw import Share
from miniclaude.data.reading import detect_format, read_examples, read_share
from miniclaude.data.rejection import Item, Rejection
from miniclaude.errors import DatasetError

USER = {"role": "user", "content": "Hello"}
ANSWER = {"role": "assistant", "content": "Hi!"}
WORSE = {"role": "assistant", "content": "What?"}
CHAT = {"messages": [USER, ANSWER]}
PREFERENCE: dict[str, object] = {"messages": [USER], "chosen": [ANSWER], "rejected": [WORSE]}
SYSTEM = {"role": "system", "content": "Be kind."}
CALL = {"id": "call_0", "type": "function", "function": {"name": "now", "arguments": '{"a": 1}'}}
TOOLS = [
    {"type": "function", "function": {"name": "now", "description": "", "parameters": {"x": 1}}}
]
CALLED = [
    USER,
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "content": "noon", "tool_call_id": "call_0"},
    ANSWER,
]

FORMS: list[tuple[str, dict[str, object], Mapping[str, object]]] = [
    ("openai", {"messages": [USER, ANSWER]}, CHAT),
    ("openai", {"messages": [USER, ANSWER], "tools": None, "id": 3}, CHAT),
    (
        "openai",
        {"messages": [{"role": "developer", "content": "Be kind."}, USER, ANSWER]},
        {"messages": [SYSTEM, USER, ANSWER]},
    ),
    (
        "openai",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}, ANSWER]},
        CHAT,
    ),
    (
        "openai",
        {"messages": [USER, {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1}]},
        {"messages": [USER, {**ANSWER, "weight": 0}, USER, ANSWER]},
    ),
    ("openai", {"messages": CALLED, "tools": TOOLS}, {"messages": CALLED, "tools": TOOLS}),
    (
        "openai",
        {
            "messages": [
                USER,
                {"role": "assistant", "function_call": {"name": "now", "arguments": '{"a": 1}'}},
                {"role": "function", "name": "now", "content": "noon"},
                ANSWER,
            ],
            "functions": [TOOLS[0]["function"]],
        },
        {"messages": CALLED, "tools": TOOLS},
    ),
    (
        "openai",
        {"messages": [{**USER, "name": "Ann"}, ANSWER], "kind": "greeting"},
        {"messages": [{**USER, "name": "Ann"}, ANSWER], "kind": "greeting"},
    ),
    (
        "sharegpt",
        {"conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hi!"}]},
        CHAT,
    ),
    (
        "sharegpt",
        {"conversations": [USER, ANSWER], "system": "Be kind."},
        {"messages": [SYSTEM, USER, ANSWER]},
    ),
    (
        "sharegpt",
        {
            "conversations": [
                {"from": "system", "value": "Be kind."},
                {"from": "human", "value": "Hello"},
                {"from": "function_call", "value": '{"name": "now", "arguments": {"a": 1}}'},
                {"from": "observation", "value": "noon"},
                {"from": "gpt", "value": "Hi!"},
            ],
            "tools": json.dumps([TOOLS[0]["function"]]),
        },
        {"messages": [SYSTEM, *CALLED], "tools": TOOLS},
    ),
    ("alpaca", {"instruction": "Hello", "input": "", "output": "Hi!"}, CHAT),
    (
        "alpaca",
        {"instruction": "Add", "input": "1 1", "output": "2", "system": "Be kind."},
        {
            "messages": [
                SYSTEM,
                {"role": "user", "content": "Add\n\n1 1"},
                {"role": "assistant", "content": "2"},
            ]
        },
    ),
    (
        "alpaca",
        {"instruction": "Hello", "output": "Hi!", "history": [["Hello", "What?"]]},
        {"messages": [USER, WORSE, USER, ANSWER]},
    ),
    ("alpaca", {"instruction": "Hello", "context": "", "response": "Hi!"}, CHAT),
    ("alpaca", {"Instruction": "Hello", "Output": "Hi!"}, CHAT),
    ("alpaca", {"query": "Hello", "response": "Hi!"}, CHAT),
    ("prompt-completion", {"prompt": "Hello", "completion": "Hi!"}, CHAT),
    ("prompt-completion", {"prompt": [USER], "completion": [ANSWER]}, CHAT),
    ("question-answer", {"question": "Hello", "answer": "Hi!"}, CHAT),
    (
        "turns",
        {"turns": [{"speaker": "agent_1", "text": "Hello"}, {"speaker": "b", "text": "Hi!"}]},
        CHAT,
    ),
    ("text", {"text": "Once.", "title": "T"}, {"text": "Once."}),
    ("preference", {"instruction": "Hello", "chosen": "Hi!", "rejected": "What?"}, PREFERENCE),
    (
        "preference",
        {
            "conversations": [{"from": "human", "value": "Hello"}],
            "chosen": {"from": "gpt", "value": "Hi!"},
            "rejected": {"from": "gpt", "value": "What?"},
        },
        PREFERENCE,
    ),
    (
        "preference",
        {
            "input": {"messages": [USER], "tools": [], "parallel_tool_calls": True},
            "preferred_output": [ANSWER],
            "non_preferred_output": [WORSE],
        },
        PREFERENCE,
    ),
    ("preference", {"prompt": "Hello", "chosen": "Hi!", "rejected": "What?"}, PREFERENCE),
    ("preference", {"prompt": [USER], "chosen": [ANSWER], "rejected": [WORSE]}, PREFERENCE),
    ("preference", {"chosen": [USER, ANSWER], "rejected": [USER, WORSE]}, PREFERENCE),
    (
        "preference",
        {"prompt": "Hello", "chosen": [USER, ANSWER], "rejected": [USER, WORSE]},
        PREFERENCE,
    ),
    ("preference", PREFERENCE, PREFERENCE),
    (
        "kto",
        {"instruction": "Hello", "output": "Hi!", "kto_tag": True},
        {**CHAT, "label": True},
    ),
    (
        "kto",
        {
            "conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Hi!"}],
            "kto_tag": False,
        },
        {**CHAT, "label": False},
    ),
    ("kto", {"messages": [USER, ANSWER], "kto_tag": True}, {**CHAT, "label": True}),
    ("kto", {"prompt": "Hello", "completion": "Hi!", "label": False}, {**CHAT, "label": False}),
    ("kto", {"messages": [USER, ANSWER], "label": True}, {**CHAT, "label": True}),
]


@pytest.mark.parametrize(
    ("name", "row", "expected"), FORMS, ids=[f"{n}-{form[0]}" for n, form in enumerate(FORMS)]
)
def test_each_form_becomes_the_one_row(
    tmp_path: Path, name: str, row: dict[str, object], expected: dict[str, object]
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    detection = detect_format(path)
    assert detection.format == name
    [item] = read_examples(path)
    assert isinstance(item, Example), item
    assert to_row(item) == expected
    named = read_examples(path, format=name, columns=detection.columns)
    assert [to_row(one) for one in named if isinstance(one, Example)] == [expected]


def test_detection_says_why(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(CHAT) + "\n" + '{"query": "a", "response": "b"}\n' * 60)
    assert detect_format(path).why == (
        "49 of 50 rows have query and response: alpaca (query read as instruction, response read"
        " as output); the others: 1 openai; each row is read by the format it has."
    )
    path.write_text((json.dumps(CHAT) + "\n") * 60)
    assert detect_format(path).why == "every one of the first 50 rows has messages: openai."
    path.write_text('{"a": 1, "b": 2}\n')
    with pytest.raises(DatasetError, match="none of the first rows has a format") as caught:
        detect_format(path)
    assert "fields are a, b" in caught.value.message
    assert "columns question=instruction" in caught.value.hint


def test_mixed_formats_are_each_read_as_what_they_are(tmp_path: Path) -> None:
    """Concatenated data sets are common; guessing from the first row loses the rest."""
    path = tmp_path / "rows.jsonl"
    rows = [row for _, row, _ in FORMS]
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"unknown": 1}]))
    *items, last = read_examples(path)
    assert [to_row(i) for i in items if isinstance(i, Example)] == [e for _, _, e in FORMS]
    assert isinstance(last, Rejection)
    assert last.place.line == len(FORMS) + 1


def test_columns_are_mapped_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('frage,antwort,text\n"Hello","Hi!",x\n')
    columns = {"frage": "instruction", "antwort": "output"}
    [item] = read_examples(path, columns=columns)
    assert isinstance(item, Example)
    assert to_row(item) == CHAT
    assert detect_format(path, columns=columns).format == "alpaca"
    with pytest.raises(DatasetError, match="'reply', which is no field") as caught:
        read_examples(path, columns={"frage": "reply"})
    assert caught.value.param == "columns"
    with pytest.raises(DatasetError, match="Two columns are mapped to 'text'"):
        read_examples(path, columns={"frage": "text", "antwort": "text"})
    with pytest.raises(DatasetError, match="no row has the column 'question'; the columns are fr"):
        list(read_examples(path, columns={"question": "instruction"}))


def test_rows_come_one_at_a_time(tmp_path: Path) -> None:
    """A source is not read to its end, nor its end waited for, before the first row is there."""
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(CHAT) + "\n" + "{" * 10)
    items = read_examples(path)
    assert isinstance(next(items), Example)
    items.close()  # type: ignore[attr-defined]  # a generator


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv"])
@pytest.mark.parametrize("columns", [{}, {"asked": "question", "said": "answer"}])
def test_the_shares_of_two_processes_are_the_whole(
    tmp_path: Path, ending: str, columns: dict[str, str]
) -> None:
    """A row that neither reads is lost, one that both read is there twice; bad rows and columns
    with other names must not shift the count."""
    names = tuple(columns) or ("question", "answer")
    rows = [{names[0]: f"What is {n}?", names[1]: f"It is {n}."} for n in range(20)]
    path = tmp_path / f"rows.{ending}"
    if ending == "csv":
        lines = [",".join(names), *(",".join(row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    elif ending == "json":
        path.write_text(json.dumps(rows))
    else:
        texts = [json.dumps(row) for row in rows]
        texts[7:7] = ["", "not json", texts[0] + "\r" + texts[1]]
        path.write_text("\n".join(texts))
    whole = list(read_examples(path, columns=columns))
    blocks: dict[int, list[Item]] = {}
    for number in (0, 1):
        share = Share(3, count(number, 2).__next__)
        for item in read_share(path, share, columns=columns):
            assert not isinstance(item, PlainRow)
            blocks.setdefault((share.seen - 1) // 3, []).append(item)
        assert share.seen == len(whole)
    assert [item for number in sorted(blocks) for item in blocks[number]] == whole
