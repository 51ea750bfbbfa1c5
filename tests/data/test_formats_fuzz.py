"""Whatever JSON a row is, it becomes an example or a rejection, never a traceback."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from miniclaude.data.columns import FIELDS, renamed
from miniclaude.data.detect import plan_for
from miniclaude.data.example import Place, from_row, to_row
from miniclaude.data.formats import READERS, read_example
from miniclaude.errors import RowError

KEYS = st.sampled_from(
    [
        *(
            "role",
            "content",
            "from",
            "value",
            "tool_calls",
            "function_call",
            "tool_call_id",
            "name",
        ),
        *("weight", "type", "text", "function", "arguments", "messages", "speaker", "id", "turns"),
    ]
)
WORDS = st.sampled_from(
    [
        *("user", "assistant", "system", "tool", "human", "gpt", "function_call", "observation"),
        *("Hello", "", "[", "[1]", '{"name": "now"}', "text", "call_0", "null"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 1) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
TURNS = st.lists(
    st.fixed_dictionaries({"role": WORDS, "content": WORDS | VALUES})
    | st.fixed_dictionaries({"from": WORDS, "value": WORDS}),
    max_size=4,
)
ROWS = st.dictionaries(st.sampled_from(sorted(FIELDS)), VALUES | TURNS | WORDS, max_size=6)


@settings(max_examples=200)
@given(ROWS, st.sampled_from(sorted(READERS)))
def test_any_row_is_read_or_refused(row: dict[str, object], name: str) -> None:
    plan = plan_for(frozenset(row))
    refused: list[tuple[str | None, str]] = []
    for format_name, columns in ((name, {}), *([(plan.format, plan.columns)] if plan else [])):
        try:
            example = read_example(renamed(row, columns), Place("rows", 1), format_name)
        except RowError as error:
            refused.append((error.code, error.hint))
            continue
        written = json.loads(json.dumps(to_row(example)))
        assert to_row(from_row(written, example.place)) == written
    assert all(code != "bad_row" and hint.endswith(".") for code, hint in refused)
