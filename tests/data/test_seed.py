"""The rows that come with Mini-Claude are the first that anybody trains on: each must pass our own
gates, and the card must say what is in the file."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain, pairwise

import pytest

from miniclaude.data.example import Example
from miniclaude.data.personal_data import PersonalData
from miniclaude.data.pipeline import prepare
from miniclaude.data.prepared import PreparedDataset
from miniclaude.data.reading import read_examples
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.seed import seed_file
from miniclaude.data.texts import texts_of
from miniclaude.data.validate import Measures

ENOUGH = 1_200
MASKS = re.compile(r"\[(EMAIL|PHONE|CARD|IBAN|ID|IP|KEY)\]")


@pytest.fixture(scope="module")
def rows() -> list[Example]:
    found = list(read_examples(seed_file()))
    assert all(isinstance(row, Example) for row in found)
    return [row for row in found if isinstance(row, Example)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    folder = tmp_path_factory.mktemp("seed") / "seed"
    return prepare(["seed"], folder, PrepareOptions(augment=False), processes=1)


@pytest.fixture(scope="module")
def measures(rows: list[Example]) -> dict[str, object]:
    taken = Measures()
    for row in rows:
        taken.add(row)
    return taken.as_dict()


def table(title: str) -> dict[str, str]:
    """First column of the card's table under `title` → second column."""
    card = (seed_file().parent / "README.md").read_text(encoding="utf-8")
    section = card.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: second for first, second, *_ in cells}


def test_every_row_passes_the_pipeline(prepared: PreparedDataset, rows: list[Example]) -> None:
    """A rejected row of our own would be a bad example, or a filter that is too strict."""
    assert prepared.count("train") + prepared.count("validation") == len(rows) >= ENOUGH
    accounting = prepared.report["accounting"]
    assert isinstance(accounting, dict)
    assert accounting["rejected"] == 0
    assert prepared.task == "supervised"


def test_nothing_in_it_looks_like_personal_data(rows: list[Example]) -> None:
    """A mask in the file, or one that the pipeline adds, would be learnt as a way to speak."""
    stage = PersonalData()
    assert list(stage.run(rows)) == rows
    assert not [text for row in rows for text in texts_of(row) if MASKS.search(text)]


def test_many_kinds_each_with_enough_rows_from_the_start(rows: list[Example]) -> None:
    """A kind with few rows is not learnt; a file sorted by kind teaches one kind after another to
    whoever takes the first rows."""
    counts = Counter(row.kind for row in rows)
    assert len(counts) >= 15
    assert min(counts.values()) >= 15
    assert len({row.kind for row in rows[:100]}) >= 25


def test_a_fifth_of_the_conversations_has_several_questions(rows: list[Example]) -> None:
    """A model that saw single questions only forgets the first when asked the second."""
    several = [row for row in rows if sum(m.role == "user" for m in row.messages) > 1]
    assert len(several) / len(rows) >= 0.2


def test_wrong_answers_that_are_corrected_are_not_learnt(rows: list[Example]) -> None:
    """Loss on an answer that the next turn takes back would teach the mistake."""
    unlearned = [row for row in rows if row.unlearned]
    assert len(unlearned) >= 5
    for row in unlearned:
        assert max(row.unlearned) < len(row.messages) - 1, row.place


def test_no_templates(measures: dict[str, object]) -> None:
    """Rows filled from templates share their trigrams."""
    trigrams = measures["trigrams"]
    assert isinstance(trigrams, dict)
    assert trigrams["windowed"] > 0.8


def test_no_two_conversations_are_alike(rows: list[Example]) -> None:
    """The same question twice puts one answer into training and the other into validation."""
    first = Counter(
        " ".join(re.findall(r"\w+", next(m.text for m in row.messages if m.role == "user").lower()))
        for row in rows
    )
    assert [words for words, count in first.items() if words and count > 1] == []
    assert alike(rows, 0.5) == []


def alike(rows: list[Example], share: float) -> list[tuple[int, int]]:
    """Pairs of rows whose word trigrams have this Jaccard similarity at least."""
    holders: dict[tuple[str, str, str], list[int]] = {}
    sizes = []
    for index, row in enumerate(rows):
        said = " ".join(m.text for m in row.messages if m.role in ("user", "assistant"))
        words = re.findall(r"[\w']+", said.lower())
        trigrams = set(zip(words, words[1:], words[2:], strict=False))
        sizes.append(len(trigrams))
        for trigram in trigrams:
            holders.setdefault(trigram, []).append(index)
    pairs = chain.from_iterable(
        [(one, two) for at, two in enumerate(held) for one in held[:at]]
        for held in holders.values()
    )
    shared = Counter(pairs)
    return [
        (one, two)
        for (one, two), both in shared.items()
        if both / (sizes[one] + sizes[two] - both) >= share
    ]


def test_tool_calls_are_answered_in_order(rows: list[Example]) -> None:
    """A call without its result, or a result without its call, breaks the chat template."""
    for row in rows:
        open_calls: list[str] = []
        for message in row.messages:
            if message.role == "tool":
                assert message.tool_call_id == open_calls.pop(0), row.place
            else:
                assert not open_calls, row.place
            open_calls += [call.id for call in message.tool_calls]
        names = {tool.name for tool in row.tools}
        assert {call.name for m in row.messages for call in m.tool_calls} <= names, row.place
        roles = [message.role for message in row.messages]
        assert ("user", "user") not in pairwise(roles), row.place
        assert roles[-1] == "assistant", row.place


def test_the_card_tells_the_truth(rows: list[Example], measures: dict[str, object]) -> None:
    """A card that says more rows or other kinds than the file holds misleads whoever trusts it."""
    kinds = {kind: int(count) for kind, count in table("Kinds").items()}
    assert kinds == Counter(row.kind for row in rows)
    answers, forms, trigrams = (measures[name] for name in ("answers", "forms", "trigrams"))
    turns = measures["turns"]
    assert isinstance(answers, dict)
    assert isinstance(forms, dict)
    assert isinstance(trigrams, dict)
    assert isinstance(turns, dict)
    assert table("Measures") == {
        "rows": f"{len(rows):,}",
        "rows with several questions": str(forms["several-turns"]),
        "questions in the longest conversation": max(turns, key=int),
        "rows with a system prompt": str(forms["system-prompt"]),
        "answers": f"{answers['count']:,}",
        "tokens of an answer, median": str(answers["median"]),
        "tokens of an answer, nine in ten at most": str(answers["p90"]),
        "trigrams": f"{trigrams['trigrams']:,}",
        "distinct trigrams, of all": f"{trigrams['plain']:.3f}",
        "distinct trigrams, in windows of 5,000": f"{trigrams['windowed']:.3f}",
        "rows the pipeline rejects or masks": "0",
    }
