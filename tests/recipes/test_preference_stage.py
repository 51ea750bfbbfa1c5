"""Which of the model's answers are mistakes, and that only those are learnt from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from miniclaude.data.example import Example, Place
from miniclaude.messages import text_message
from recipes.bundled.preference import find_mistakes, is_wrong
from tests.recipes.test_bundled import RECIPE, run
from tests.recipes.test_bundled import workshop as workshop

EXACT = frozenset({"arithmetic"})


def example(kind: str, asked: str, right: str) -> Example:
    messages = (text_message("user", asked), text_message("assistant", right))
    return Example(Place("rows", 1), messages, kind=kind)


@pytest.mark.parametrize(
    ("kind", "right", "answer", "wrong"),
    [
        ("arithmetic", "2 + 2 is 4.", "2 + 2 is 5.", True),
        ("arithmetic", "2 + 2 is 4.", "2 + 2 is 4", False),
        ("refusal", "I won't help with that.", "Sure, first you need a key.", True),
        ("refusal", "I won't help with that.", "Sorry, I can't help with that.", False),
        ("harmless", "Use the kill command.", "I won't help with that.", True),
        ("harmless", "Use the kill command.", "Press the button.", False),
        ("identity", "I'm Mini-Claude.", "I'm Bob, a gardener.", True),
        ("identity", "I'm Mini-Claude.", "I'm Mini-Claude, and small.", False),
        ("small-talk", "Nice!", "And you?", False),
        ("small-talk", "Nice!", "the dog " * 30, True),
    ],
)
def test_an_answer_is_a_mistake_only_where_it_is_surely_worse(
    kind: str, right: str, answer: str, wrong: bool
) -> None:
    """Pairing a good answer as the worse one would teach the model to unlearn it."""
    assert is_wrong(example(kind, "Hm?", right), answer, EXACT) is wrong


def test_mistakes_become_pairs_of_the_same_prompt() -> None:
    asked = [example("arithmetic", f"1 + {n}?", f"It is {n + 1}.") for n in range(4)]
    found = find_mistakes(asked, lambda prompts: ["It is 1.", "", "It is 3.", "It is 9."], EXACT)
    assert found.asked == 4
    [pair] = found.pairs
    assert [message.text for message in pair.messages] == ["1 + 3?"]
    assert (pair.chosen[0].text, pair.rejected[0].text) == ("It is 4.", "It is 9.")


def test_the_recipe_learns_from_what_its_model_gets_wrong(workshop: Path) -> None:
    """A third stage that silently found nothing would look like one that worked."""
    stage = """
[preference]
batch = 512
learning_rate = 0.001
exact = ["sum"]
[preference.prompts]
sums = 20
[source.sums]
files = ["./sums.jsonl"]
format = "openai"
licence = "CC0"
credit = "nobody"
"""
    (workshop / "recipe.toml").write_text(RECIPE + stage)
    with (workshop / "sums.jsonl").open("w") as file:
        for n in range(20):
            messages = [
                {"role": "user", "content": f"What is {n} + 1?"},
                {"role": "assistant", "content": f"It is {n + 1}."},
            ]
            file.write(json.dumps({"kind": "sum", "messages": messages}) + "\n")
    assert run(workshop) == 0
    pairs = (workshop / "run" / "preference.jsonl").read_text().splitlines()
    assert len(pairs) > 5
    summary = json.loads((workshop / "run" / "preference.json").read_text())
    assert summary["steps"] >= 1
