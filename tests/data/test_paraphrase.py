"""Other words, the same request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miniclaude.data.paraphrase import paraphrases


def test_requests_become_questions_and_pleas() -> None:
    found = paraphrases("Explain how a bridge carries its load.")
    assert "Could you explain how a bridge carries its load?" in found
    assert "Explain how a bridge carries its load, please." in found
    assert "Explain how a bridge carries its load." in paraphrases(
        "Can you please explain how a bridge carries its load?"
    )


def test_questions_get_openers_and_indirect_forms() -> None:
    found = paraphrases("What is the capital of France?")
    assert "What's the capital of France?" in found
    assert "Can you tell me what the capital of France is?" in found
    assert "Quick question: what is the capital of France?" in found


def test_contractions_both_ways() -> None:
    assert "I do not like rain, and I'm tired." in paraphrases("I don't like rain, and I'm tired.")
    assert "We can't swim." in paraphrases("We cannot swim.")


@pytest.mark.parametrize(
    "request_",
    [
        "What is 17 times 3?",
        "Translate 'good morning' into French.",
        'What does "ubiquitous" mean?',
        "Write a Python function that adds.",
        "Answer in exactly two words: how are you?",
        "Give the answer as JSON.",
        "What does NASA do?",
        "Spell the word bridge.",
        "Summarize https://example.org for me.",
        "¿Qué es la vida?",
        "Erkläre die Brücke.",
        "",
        "What?" * 100,
    ],
)
def test_where_wording_is_the_meaning_nothing_changes(request_: str) -> None:
    """A changed quotation, number, format or language would go with an answer that is now wrong."""
    assert paraphrases(request_) == []


@pytest.mark.parametrize(
    "request_",
    [
        "What is a group of crows called?",
        "What is the weather like?",
        "What is the thing that he said?",
    ],
)
def test_no_indirect_question_that_reads_wrongly(request_: str) -> None:
    """ "Can you tell me what a group of crows called is?" would teach bad English."""
    assert not [text for text in paraphrases(request_) if "tell me what" in text]


def test_what_follows_the_first_line_is_material() -> None:
    material = '\n\nThe  dog\'s 3 bones: "all" eaten\n'
    found = paraphrases("Improve the passage." + material)
    assert found
    assert all(text.endswith(material) for text in found)


@given(st.text(max_size=80))
def test_whatever_is_asked_no_paraphrase_is_the_request_itself(request_: str) -> None:
    assert request_ not in paraphrases(request_)
