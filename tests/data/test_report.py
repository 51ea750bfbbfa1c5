"""The report says what is missing, and its page shows text as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from miniclaude.data.pipeline import prepare
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.report_page import page
from miniclaude.data.report_pictures import bars, columns, dial, ribbon
from tests.data.rows import different, said, write_rows

EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>'


def report_of(tmp_path: Path, rows: list[object], **options: Any) -> dict[str, Any]:
    path = write_rows(tmp_path / "my.jsonl", rows)
    return prepare([path], tmp_path / "mine", PrepareOptions(**options)).report


class Tags(HTMLParser):
    """The tags and addresses of a page, and whether every tag is closed in order."""

    VOID = frozenset({"meta", "line"})

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_self_contained(tmp_path: Path) -> None:
    text = page(report_of(tmp_path, [*different(60), "{"]))
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert "svg" in tags.seen
    assert not tags.seen & {"script", "link", "img", "iframe", "object", "form"}
    assert not {
        name for name in tags.attributes if name.startswith("on") or name in ("src", "href")
    }
    assert "prefers-color-scheme:dark" in text
    assert "url(" not in text


def test_rows_and_names_are_text(tmp_path: Path) -> None:
    """A row, a kind or a file's name with a script in it must not run in the reader's browser."""
    path = tmp_path / "<b>my.jsonl"
    rows: list[object] = [
        said(f"{EVIL} {n}", f"{EVIL} {n * 7} answer", kind=EVIL) for n in range(9)
    ]
    write_rows(path, [*rows, *different(20), f'{{"messages": "{EVIL}'])
    report = prepare([path], tmp_path / "mine", PrepareOptions()).report
    text = page(report)
    tags = Tags()
    tags.feed(text)
    assert not tags.seen & {"script", "img", "b onerror"}
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_advice_names_what_is_missing(tmp_path: Path) -> None:
    rows = [said("Say it again.", f"the same old words as ever {n}") for n in range(40)]
    report = report_of(tmp_path, [*rows, *["{"] * 20], augment=False, duplicates=1.0)
    advice = "\n".join(report["advice"])
    assert "of 60 rows were left out, most of them as" in advice
    assert "more examples reach the next tier, proof of concept." in advice
    assert "Rows repeat each other" in advice
    assert "Kinds of conversation it has none of: greeting" in advice
    assert "of the answers are shorter than the 10-200 tokens" in advice


def test_training_and_validation_ask_nothing_in_common(tmp_path: Path) -> None:
    report = report_of(tmp_path, [*different(80)], validation=0.3)
    assert report["split"]["leaked"] == 0


def test_plain_text_has_a_report_too(tmp_path: Path) -> None:
    rows: list[object] = [{"text": f"Once {n} there was {n * 3} of {n * 7}."} for n in range(30)]
    text = page(report_of(tmp_path, rows))
    assert "Texts: how long they are" in text


@pytest.mark.parametrize(
    "picture",
    [
        ribbon([("a", 0, "c1")]),
        ribbon([("a", 3, "c1"), ("b", 10**9, "c2")]),
        columns([("1", 0, True)]),
        bars([]),
        dial(0.0, None),
        dial(1.5, 0.8),
        dial(0.7, 0.8),
    ],
)
def test_pictures_of_nothing_and_of_extremes(picture: str) -> None:
    tags = Tags()
    tags.feed(picture)
    assert tags.open == []
    assert not re.search("nan|inf", picture)
