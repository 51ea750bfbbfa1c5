"""The page and the transcript show what models and people wrote as text, whatever it is."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from miniclaude.evaluation.gate import gate
from miniclaude.evaluation.measure import measure
from miniclaude.evaluation.speaking import Asked, OfferedTool, Reply, Speaking
from miniclaude.evaluation.suite import read_suite
from miniclaude.evaluation.suite_page import suite_page
from miniclaude.evaluation.transcript import write_transcript
from miniclaude.messages import Tool, text_message
from tests.evaluation.speakers import Scripted, calling
from tests.tiny_checkpoint import write_tiny_checkpoint

EVIL = "<script>alert(1)</script> & 'x'"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("page")
    rows = [
        {"kind": EVIL, "messages": EVIL, "pass": {"contains_any": [EVIL + "!"]}, "tools": ["t"]},
        {"messages": EVIL, "reference": EVIL},
        {"opening": EVIL},
    ]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def answer(asked: Asked) -> Reply | str:
        if asked.tools and asked.messages[-1].role != "tool":
            return calling("t", EVIL)
        return Reply(EVIL * 20, ended=False)

    tools = {"t": OfferedTool(Tool("t", "", {}), lambda _: EVIL)}
    speaker = Scripted(answer, write_tiny_checkpoint(folder / "tiny"))
    return measure(read_suite([str(path)], tools), speaker, tools, replies=3)


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.add(tag)


def test_nothing_written_becomes_html(report: dict[str, Any]) -> None:
    old = {**report, "model": EVIL, "kinds": {EVIL: {"passed": 1, "count": 1, "rate": 1.0}}}
    for page in (suite_page(report), suite_page(report, old, gate(old, report), EVIL)):
        tags = Tags()
        tags.feed(page)
        assert "script" not in tags.found
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_page_says_go_or_no_go(report: dict[str, Any]) -> None:
    assert "Go, compared with scripted (float32)." in suite_page(
        report, report, gate(report, report)
    )
    old = {**report, "suite": {**report["suite"], "digest": "other"}}
    assert "No go, compared with" in suite_page(report, old, gate(old, report))
    assert "Checks that pass, by kind" in suite_page(report)


def test_a_transcript_shows_marks_as_they_are() -> None:
    talk = [text_message("user", "# hi *you*"), text_message("assistant", "<b>\nx\x1b[2J")]
    text = write_transcript(Speaking("m_1", "int8", 5, 64), [talk], 3)
    assert text == (
        "# m\\_1 in conversation\n\nint8, sampled answers, seed 3, unedited.\n\n"
        "## 1. \\# hi \\*you\\*\n\n**User:** \\# hi \\*you\\*\n\n"
        "**Assistant:** \\<b\\>  \nx\\[2J\n"
    )
