"""Plain rows are what the careful reader makes of the same lines."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniclaude.data.accounts import keys_of, prompt_key
from miniclaude.data.clean_processes import clean_rows
from miniclaude.data.item_lines import row_line
from miniclaude.data.judged_rows import read_judged
from miniclaude.data.kinds import kind_of_texts
from miniclaude.data.plain_facts import plain_facts
from miniclaude.data.plain_rows import PlainRow, read_plain
from miniclaude.data.raw import Share
from miniclaude.data.reading import read_examples, read_share
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.shingles import compared
from miniclaude.data.split import opening
from miniclaude.data.validate import row_facts

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
roles = st.sampled_from(["user", "assistant", "system"])
rows = st.builds(
    lambda said, kind: {
        "messages": [{"role": role, "content": text} for role, text in said],
        **({"kind": kind} if kind else {}),
    },
    st.lists(st.tuples(roles, texts), min_size=1, max_size=5),
    st.sampled_from(["", "story", 'a "b" \\']),
)

ODD = [
    b'{"messages":[{"role":"user","content":"Hi"}]}',  # no answer
    b'{"messages":[]}',
    b'{"messages":{"role":"assistant","content":"Hi"}}',
    b'{"messages":[{"role":"assistant","content":""}]}',
    b'{"messages":[{"role":"assistant","content":null}]}',
    b'{"messages":[{"role":"assistant","content":"Hi","weight":0}]}',
    b'{"messages":[{"content":"Hi","role":"assistant"}]}',  # is written in another order
    b'{"messages":[{"role":"developer","content":"x"},{"role":"assistant","content":"Hi"}]}',
    b'{"messages":[{"role":["user"],"content":"x"},{"role":"assistant","content":"Hi"}]}',
    b'{"messages":[{"role":"assistant","content":"Hi"}],"kind":""}',
    b'{"messages":[{"role":"assistant","content":"Hi"}],"label":true}',
    b'{"messages":[{"role":"assistant","content":"Hi"}],"kind":"a","system":"b"}',
    b'{"messages":[{"role":"assistant","content":"Hi","content":"Hi"}]}',
    b'{"messages":[{"role":"assistant","content":"Hi","content" : "Ho"}]}',
    b'{"messages":[{"role":"assistant","r\\u006fle":"assistant","content":"Hi"}]}',
    b'{"messages":[{"role":"assistant","content":"A \\\\"}],"messages":[{"role":"assistant",'
    b'"content":"B"}]}',
    b'{"messages":[{"role":"assistant","content":"\\ud800"}]}',
    b'{"messages":[{"role":"assistant","content":"\xff"}]}',
    b'{"messages":[{"role":"assistant","content":"a\x01"}]}',
    b'{"messages":[{"role":"assistant","content":"Hi"}]}]',
    b'{"messages":[{"role":"assistant","content":NaN}]}',
    b'{"messages":' + b"[" * 100_000,
    b'[{"messages":[]}]',
    b'{"messages": 1}',
]


def plain_rows(path: Path) -> list[PlainRow]:
    share = Share(8, count().__next__, plain=True)
    return [item for item in read_share(path, share) if isinstance(item, PlainRow)]


@given(rows, st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans())
def test_a_plain_row_is_the_example_that_the_careful_reader_makes(
    tmp_path_factory: pytest.TempPathFactory,
    row: dict[str, object],
    separators: tuple[str, str],
    ascii_only: bool,
) -> None:
    """Its line, its facts, and whether it is one at all."""
    line = json.dumps(row, ensure_ascii=ascii_only, separators=separators)
    path = tmp_path_factory.mktemp("plain") / "rows.jsonl"
    path.write_text(line + "\n", "utf-8", newline="\n")
    [example] = read_examples(path)
    found = plain_rows(path)
    if not found:
        messages = row["messages"]
        assert isinstance(messages, list)
        assert messages[-1]["role"] != "assistant" or "\\\\" in line
        return
    assert found[0].example() == example
    assert found[0].line.decode() == row_line(example)
    facts = plain_facts(found[0])
    assert facts[:2] == (compared(example), opening(example))
    assert keys_of([facts.prompt]) == [prompt_key(example)]
    kind = facts.row.kind or kind_of_texts(facts.question, found[0].texts[-1])
    assert facts.row._replace(kind=kind) == row_facts(example)


@pytest.mark.parametrize("line", ODD)
def test_what_is_not_certainly_plain_is_left_to_the_careful_reader(line: bytes) -> None:
    """A key that occurs twice, half a surrogate pair and the like must keep their errors."""
    assert read_plain(line) is None


def test_a_file_of_both_is_judged_as_by_the_careful_reader_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad rows among good ones, spaces to clean, numbers to mask: the same file of judged rows and
    the same report."""
    said = ["It is 4.", "  It is  4. ", "Call 212-555-7788 now.", "4\u200b!", "x " * 60]
    lines = [
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": f"What is {n}?"},
                    {"role": "assistant", "content": answer},
                ]
            }
        ).encode()
        for n, answer in enumerate(said * 40)
    ]
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join([*lines[:90], *ODD, *lines[90:]]))
    quick, slow = tmp_path / "quick.rows", tmp_path / "slow.rows"
    report = clean_rows([path], PrepareOptions(), quick, lambda done, total: None)
    assert len(plain_rows(path)) == len(lines)
    monkeypatch.setattr("miniclaude.data.json_rows.read_plain", lambda line: None)
    assert clean_rows([path], PrepareOptions(), slow, lambda done, total: None) == report
    assert quick.read_bytes() == slow.read_bytes()
    assert sum(len(chunk.lines) for chunk in read_judged(quick)) == report["rows"]
