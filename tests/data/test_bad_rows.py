"""Every error that OpenAI's guide and LLaMA-Factory's converters know of, as a row with a cure.

Elsewhere such rows vanish ("Cannot find valid samples"), or end the run with a KeyError. Here each
is named with its line, while the rows around it are read.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from miniclaude.data.example import Example
from miniclaude.data.reading import read_examples
from miniclaude.data.rejection import Rejection
from miniclaude.errors import DatasetError

USER = {"role": "user", "content": "Hello"}
ANSWER = {"role": "assistant", "content": "Hi!"}
HUMAN = {"from": "human", "value": "Hello"}
GPT = {"from": "gpt", "value": "Hi!"}
CALL = {"type": "function", "function": {"name": "now", "arguments": "{}"}, "id": "c1"}
ASKED = {"instruction": "Hello"}


def chat(*messages: object) -> dict[str, object]:
    return {"messages": list(messages)}


def turns(*items: object) -> dict[str, object]:
    return {"conversations": list(items)}


# What the row is, the error's name, a piece of the cure.
OPENAI = [
    (["not", "an", "object"], "data_type", "each row as an object"),
    ({"messages": None}, "missing_messages_list", 'a list: "messages"'),
    ({"messages": []}, "missing_messages_list", 'a list: "messages"'),
    ({"messages": "Hello"}, "missing_messages_list", 'a list: "messages"'),
    ({"prompts": "Hello"}, "missing_messages_list", "which column is which"),
    (USER, "missing_messages_list", "messages of a conversation into one row"),
    ({"train": [chat(USER, ANSWER)]}, "missing_messages_list", "save that list as a file"),
    (chat("Hello"), "data_type", "each message as"),
    (chat({"content": "Hello"}, ANSWER), "message_missing_key", '"role"'),
    (chat(USER, {"role": "assistant"}), "message_missing_key", '"content"'),
    (chat({**USER, "mood": "gay"}, ANSWER), "message_unrecognized_key", "Remove it; the keys are"),
    (chat({"role": "human", "content": "Hello"}, ANSWER), "unrecognized_role", "Use one of user"),
    (chat({"role": 3, "content": "Hello"}, ANSWER), "unrecognized_role", "Use one of user"),
    (chat({"role": "user", "content": ""}, ANSWER), "missing_content", "Write its content"),
    (chat({"role": "user", "content": None}, ANSWER), "missing_content", "content as text"),
    (chat({"role": "user", "content": 3}, ANSWER), "missing_content", "content as text"),
    (
        chat({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, ANSWER),
        "unsupported_content_part",
        "Keep the parts of type",
    ),
    (chat(USER), "example_missing_assistant_message", "Add the assistant's answer"),
    (chat(USER, ANSWER, USER), "last_message_not_assistant", "remove what stands after"),
    (chat(USER, {**ANSWER, "weight": 0.5}), "invalid_weight", "A weight is 0"),
    (chat({**USER, "weight": 1}, ANSWER), "invalid_weight", "only what the assistant says"),
    (chat(USER, {**ANSWER, "weight": 0}), "no_trainable_token", "the weight 1"),
    (chat({**USER, "tool_calls": [CALL]}, ANSWER), "invalid_tool_calls", "Move tool_calls"),
    (chat(USER, {"role": "assistant", "tool_calls": {}, "content": ""}), "missing_content", ""),
    (chat(USER, {"role": "assistant", "tool_calls": [3]}), "invalid_tool_calls", "Write a call as"),
    (
        chat(USER, {"role": "assistant", "tool_calls": [{"function": {"name": ""}}]}),
        "invalid_tool_calls",
        "Write a call as",
    ),
    (
        chat(USER, {"role": "assistant", "function_call": {"name": "now", "arguments": "{"}}),
        "invalid_tool_calls",
        "arguments as JSON text",
    ),
    (chat(USER, {"role": "tool", "content": "3"}, ANSWER), "tool_message_without_call", "after an"),
    (
        chat(
            USER,
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "content": "3", "tool_call_id": "c2"},
            ANSWER,
        ),
        "tool_message_without_call",
        "name the call's id",
    ),
    ({**chat(USER, ANSWER), "tools": "now"}, "invalid_tools", "Write tools as"),
    ({**chat(USER, ANSWER), "tools": [{"type": "function"}]}, "invalid_tools", "Write tools as"),
    ({"input": {}, "preferred_output": [ANSWER]}, "missing_messages_list", "list: "),
    (
        {"input": [USER], "preferred_output": [ANSWER], "non_preferred_output": [USER]},
        "missing_messages_list",
        'Write "input": {"messages"',
    ),
    (
        {"input": chat(USER), "preferred_output": [ANSWER]},
        "missing_field",
        'the text of "non_preferred_output"',
    ),
    (
        {"input": chat(USER), "preferred_output": [USER], "non_preferred_output": [ANSWER]},
        "invalid_role_tag",
        "Write preferred_output as",
    ),
]
"""https://cookbook.openai.com/examples/chat_finetuning_data_prep, and its reference of messages."""

LLAMA_FACTORY = [
    # "Cannot find valid samples": rows without an answer, or in which nothing is said.
    (ASKED, "missing_field", '"output"'),
    ({**ASKED, "output": None}, "missing_content", '"output"'),
    ({**ASKED, "output": ""}, "missing_content", '"output"'),
    ({"instruction": "", "output": "Hi!"}, "missing_content", '"instruction"'),
    ({**ASKED, "output": 4}, "not_text", "between quotes"),
    ({"instruction": ["Hello"], "output": "Hi!"}, "not_text", "between quotes"),
    ({**ASKED, "output": "Hi!", "system": {}}, "not_text", "between quotes"),
    ({**ASKED, "output": "Hi!", "history": [["Hello"]]}, "invalid_history", "question"),
    ({**ASKED, "output": "Hi!", "history": [[None, "a"]]}, "invalid_history", "question"),
    ({"text": ""}, "missing_content", '"text"'),
    ({"text": 3.5}, "not_text", "between quotes"),
    ({}, "empty_row", "Fill it in"),
    # "Invalid role tag".
    (turns({"from": "boss", "value": "Hello"}, GPT), "invalid_role_tag", "human"),
    (turns(GPT, HUMAN), "invalid_role_tag", "in turn"),
    (turns(HUMAN, HUMAN), "invalid_role_tag", "in turn"),
    (turns({"from": None, "value": "Hello"}, GPT), "invalid_role_tag", "human"),
    ({**turns(HUMAN), "chosen": GPT, "rejected": HUMAN}, "invalid_role_tag", "gpt"),
    # "Invalid message count".
    (turns(HUMAN), "invalid_message_count", "Add the assistant's answer"),
    (turns(HUMAN, GPT, HUMAN), "invalid_message_count", "Add the assistant's answer"),
    (
        {**turns(HUMAN, GPT), "chosen": GPT, "rejected": {"from": "gpt", "value": "What?"}},
        "invalid_message_count",
        "stand in chosen and rejected",
    ),
    # KeyError: 'from', 'value', and their like.
    (turns({"value": "Hello"}, GPT), "message_missing_key", '"from"'),
    (turns(HUMAN, {"from": "gpt"}), "message_missing_key", '"value"'),
    (turns(HUMAN, {"from": "gpt", "value": ""}), "missing_content", "Write its value"),
    (turns(HUMAN, {"from": "gpt", "value": 3}), "not_text", "between quotes"),
    (turns("Hello", "Hi!"), "data_type", "each turn as"),
    ({"conversations": None}, "missing_messages_list", '"conversations"'),
    ({"conversations": []}, "missing_messages_list", '"conversations"'),
    # "Invalid JSON format in function message" and "in tool description".
    (turns(HUMAN, {"from": "function_call", "value": "now()"}), "invalid_tool_calls", '"name"'),
    ({**turns(HUMAN, GPT), "tools": "[{"}, "invalid_tools", "JSON text"),
    (turns({"from": "observation", "value": "3"}, GPT), "tool_message_without_call", "in front"),
    # Preferences.
    ({**ASKED, "chosen": "Hi!"}, "missing_field", '"rejected"'),
    ({**ASKED, "rejected": "What?"}, "missing_field", '"chosen"'),
    ({**ASKED, "chosen": "Hi!", "rejected": None}, "missing_content", '"rejected"'),
    ({**ASKED, "chosen": "Hi!", "rejected": 3}, "not_text", "between quotes"),
    ({**ASKED, "chosen": "Hi!", "rejected": "Hi!"}, "chosen_equals_rejected", "Remove the row"),
    ({"chosen": "Hi!", "rejected": "What?"}, "missing_prompt", 'Add "prompt"'),
    # KTO, which LLaMA-Factory reads as an ordinary row when the tag is no boolean.
    ({**ASKED, "output": "Hi!", "kto_tag": None}, "missing_kto_tag", "true for an answer"),
    ({**ASKED, "output": "Hi!", "kto_tag": "true"}, "invalid_kto_tag", "without quotes"),
    ({**ASKED, "output": "Hi!", "kto_tag": 1}, "invalid_kto_tag", "without quotes"),
    ({**ASKED, "kto_tag": True}, "missing_field", '"output"'),
    ({"prompt": "a", "completion": "b", "label": None}, "missing_label", "true for an answer"),
    ({"prompt": "a", "completion": "b", "label": "yes"}, "invalid_label", "without quotes"),
    # Media, which need a model that sees.
    ({**ASKED, "output": "Hi!", "images": ["a.png"]}, "unsupported_media", "Remove"),
    ({**turns(HUMAN, GPT), "videos": ["a.mp4"]}, "unsupported_media", "Remove"),
]
"""https://github.com/hiyouga/LLaMA-Factory: data/README.md and src/llamafactory/data."""

TEXT = [
    (b'{"text": "a"', "not_json", "Write each row as one JSON object"),
    (b"{'text': 'a'}", "not_json", "double quotes"),
    (b"{\"text\": 'a'}", "not_json", "double quotes"),
    (b'{"text": "a",}', "not_json", "Remove the comma"),
    (b'{"text": "a"} {"text": "b"}', "not_json", "on a line of its own"),
    (b'{"text": "a\tb"}', "not_json", "tab as"),
    (b'{"text": NaN}', "invalid_number", "null"),
    (b'{"text": "a", "score": -Infinity}', "invalid_number", "null"),
    (b'{"text": "a", "n": ' + b"9" * 5_000 + b"}", "number_too_long", "as text"),
    (b'{"text": "a", "text": "b"}', "duplicate_key", "Remove one"),
    (b'{"text": "\\ud800"}', "lone_surrogate", "the whole pair"),
    (b'{"text": "caf\xe9"}', "invalid_utf8", "Save the file as UTF-8"),
    (b'{"text": ' + b"[" * 100_000, "nested_too_deeply", "few levels"),
    (b'{"text": "a", "x": ' + b"[" * 70 + b"]" * 70 + b"}", "nested_too_deeply", "few levels"),
    (b'"text"', "data_type", "as an object"),
    (b"null", "data_type", "as an object"),
    (b"3", "data_type", "as an object"),
]
"""What is wrong before the format is looked at."""

CASES = [
    *((json.dumps(row).encode(), name, cure) for row, name, cure in OPENAI + LLAMA_FACTORY),
    *TEXT,
]


@pytest.mark.parametrize(
    ("line", "name", "cure"), CASES, ids=[f"{n}-{c[1]}" for n, c in enumerate(CASES)]
)
def test_each_bad_row_has_its_line_name_and_cure(
    tmp_path: Path, line: bytes, name: str, cure: str
) -> None:
    path = tmp_path / "rows.jsonl"
    good = json.dumps(chat(USER, ANSWER)).encode()
    path.write_bytes(good + b"\n\n" + line + b"\n" + good + b"\n")
    first, bad, last = read_examples(path)
    assert isinstance(first, Example)
    assert isinstance(last, Example)
    assert last.place.line == 4
    assert isinstance(bad, Rejection)
    assert (str(bad.place), bad.error) == (f"{path}, line 3", name)
    assert cure in bad.cure
    assert bad.message.endswith(".")
    assert bad.cure.endswith(".")
    assert bad.row[:30] == line[:30].decode("utf-8", "replace")


def test_names_of_openais_guide_are_all_here() -> None:
    """The list of its error types, so that none is forgotten."""
    assert {
        *("data_type", "missing_messages_list", "message_missing_key", "message_unrecognized_key"),
        *("unrecognized_role", "missing_content", "example_missing_assistant_message"),
    } <= {name for _, name, _ in OPENAI}


def test_a_file_of_bad_rows_only_gives_them_all(tmp_path: Path) -> None:
    """LLaMA-Factory's "Cannot find valid samples" names no row."""
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([row for row, _, _ in LLAMA_FACTORY]))
    items = list(read_examples(path))
    assert [item.place.line for item in items] == list(range(1, len(LLAMA_FACTORY) + 1))
    assert {item.place.unit for item in items} == {"item"}
    names = [item.error for item in items if isinstance(item, Rejection)]
    assert names == [name for _, name, _ in LLAMA_FACTORY]


def test_a_format_that_is_asked_for_names_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"instruction": "Hello", "output": "Hi!"}\n')
    for name, error in (
        ("openai", "missing_messages_list"),
        ("sharegpt", "missing_messages_list"),
        ("kto", "missing_label"),
        ("preference", "missing_field"),
        ("text", "missing_field"),
    ):
        [item] = read_examples(path, format=name)
        assert isinstance(item, Rejection)
        assert item.error == error
    with pytest.raises(DatasetError, match=r"'xml' is unknown\. Use one of openai"):
        read_examples(path, format="xml")
