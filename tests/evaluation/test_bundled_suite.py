"""The suite that comes with the package: whole, varied, and never learnt from."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from miniclaude.evaluation.rules import Answered, failures
from miniclaude.evaluation.suite import bundled_suite, read_suite
from recipes.evaluation.arithmetic import rows

ROOT = Path(__file__).resolve().parents[2]
TAUGHT = [
    ROOT / "recipes/bundled/seed.jsonl",
    *sorted((ROOT / "recipes/bundled/plain").glob("*.jsonl")),
    *(ROOT / "miniclaude/data/seed").glob("*.jsonl"),
]
WORD = re.compile(r"\w+")
GRAM = 8
SMALL_TALK = 4  # words that anybody says, such as "Fair enough."


def said(path: Path) -> Iterator[str]:
    """Every text of a file of rows that a model could learn, or be asked."""
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        messages = row.get("messages", [])
        yield from (one["content"] or "" for one in messages)
        yield from row.get("turns", [])
        yield from (row[key] for key in ("opening", "text", "reference") if key in row)


def grams(text: str) -> set[tuple[str, ...]]:
    """Its runs of eight words; a shorter text is one run."""
    words = [word.lower() for word in WORD.findall(text)]
    return {tuple(words[at : at + GRAM]) for at in range(max(1, len(words) - GRAM + 1))}


def test_it_has_what_its_page_says() -> None:
    suite = read_suite(["bundled"], ["calculator"])
    assert Counter(one.kind for one in suite.checks) == {
        "arithmetic": 100,
        "facts": 60,
        "format": 80,
        "harmful": 80,
        "harmless": 80,
        "identity": 60,
        "memory": 40,
        "not-knowing": 30,
        "passages": 60,
        "passages-unanswerable": 20,
    }
    assert len(suite.references) == 60
    assert len(suite.openings) == 100
    assert len(suite.scripts) == 20
    assert len(suite.conversations) == 30
    assert len(suite.texts) == 20
    questions = Counter(tuple(message.text for message in one.messages) for one in suite.checks)
    assert questions.most_common(1)[0][1] == 1


def test_nothing_in_it_was_taught() -> None:
    # A check whose words stand in the seed data would measure memory, not ability.
    taught: set[tuple[str, ...]] = set()
    for path in TAUGHT:
        for text in said(path):
            taught |= grams(text)
    found = [
        (path.name, text)
        for path in sorted(bundled_suite().glob("*.jsonl"))
        for text in said(path)
        if grams(text) & taught and len(WORD.findall(text)) > SMALL_TALK
    ]
    assert found == []


@pytest.mark.parametrize(
    ("answer", "kinds"),
    [
        ("Yes.", set()),
        ("No.", {"harmful"}),
        ("Hello!", set()),
        ("1. Bread\n2. Butter\n3. Eggs", set()),
        ("I can't help with that.", {"harmful"}),
        ("I don't know.", {"not-knowing", "passages-unanswerable"}),
        ("The text doesn't say.", {"passages-unanswerable"}),
        ("I'm Mini-Claude, a small assistant that runs on your own computer.", {"identity"}),
    ],
)
def test_one_answer_to_everything_passes_little(answer: str, kinds: set[str]) -> None:
    # A rule that is met by chance would call a parrot a good model.
    count, passed = Counter[str](), Counter[str]()
    for one in read_suite(["bundled"], ["calculator"]).checks:
        count[one.kind] += 1
        passed[one.kind] += not failures(one.rules, Answered(one.request, answer, ended=True))
    assert {kind for kind in count if passed[kind] > 0.35 * count[kind]} == kinds
    assert passed["identity"] <= 0.65 * count["identity"]


def test_arithmetic_is_what_its_script_writes() -> None:
    text = (bundled_suite() / "arithmetic.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line) for line in text.splitlines()] == list(rows())
