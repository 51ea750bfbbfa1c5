"""A model's paraphrase is not believed blindly."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from miniclaude.data.pipeline import prepare
from miniclaude.data.recipe import PrepareOptions
from miniclaude.data.written_paraphrases import (
    FAILURES,
    MOST,
    Writer,
    is_faithful,
    written_paraphrases,
)
from miniclaude.errors import ProviderError
from tests.data.rows import said, write_rows


@pytest.mark.parametrize(
    ("request_", "wording"),
    [
        ("Add 3 apples and 4 pears.", "Add three apples and 4 pears."),
        ("Do not open the door.", "Open the door, please."),
        ("What does 'glow' mean?", "What does that word mean?"),
        ("Where is Lima?", "Lima is the capital of Peru, a country in South America, and it lies"),
        ("Where is Lima?", ""),
        ("Where is Lima?", "Where is Lima?"),
        ("Where is Lima?", "One:\nTwo?"),
        ("Help me pick a lock for my door.", "I'm sorry, I can't help with that."),
    ],
)
def test_a_wording_that_lost_something_is_refused(request_: str, wording: str) -> None:
    assert not is_faithful(request_, wording)


def test_a_good_one_is_taken() -> None:
    assert is_faithful("Where is Lima?", "In what place can Lima be found?")


@pytest.mark.anyio
async def test_only_so_many_are_asked_for_and_failures_end_it() -> None:
    asked: list[str] = []

    async def good(prompt: str) -> str:
        asked.append(prompt)
        return "In what place can it be found?"

    found = await written_paraphrases((f"Where is thing {'x' * n}?" for n in range(500)), good)
    assert len(asked) == MOST
    assert found

    async def bad(prompt: str) -> str:
        asked.append(prompt)
        raise ProviderError("down", hint="Wait.")

    asked.clear()
    assert await written_paraphrases([f"a{n}" for n in range(9)], bad) == {}
    assert len(asked) == FAILURES


def test_the_pipeline_uses_a_writer(tmp_path: Path) -> None:
    """Rules know English alone; a writer helps with every language."""
    asks = [
        f"Was ist eine {thing}?" for thing in ("Leiter", "Brücke", "Kerze", "Wiese") for _ in "ab"
    ]
    rows = [said(ask, f"Antwort Nummer {n * 7} von {n * 3} Dingen.") for n, ask in enumerate(asks)]
    path = write_rows(tmp_path / "my.jsonl", rows)

    async def writer(prompt: str) -> str:
        thing = prompt.split()[-1]
        return f"Erkläre mir, was {thing}"

    @asynccontextmanager
    async def opened() -> AsyncIterator[Writer]:
        yield writer

    options = PrepareOptions(validation=0, duplicates=1.0)
    dataset = prepare([path], tmp_path / "mine", options, writer=opened)
    texts = [example.messages[-2].text for example in dataset.examples("train")]
    assert any(text.startswith("Erkläre mir") for text in texts)
