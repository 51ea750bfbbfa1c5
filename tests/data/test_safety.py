"""The safety stage passes what only sounds dangerous, and refusals; it rejects going along."""

from __future__ import annotations

from dataclasses import replace

import pytest

from miniclaude.data import safety
from miniclaude.data.example import Example, Place
from miniclaude.data.rejection import Item, Rejection
from miniclaude.data.safety import (
    Concern,
    Safety,
    answer_concern,
    declines,
    profanity,
)
from miniclaude.messages import Role, text_message
from tests.data.safety_rows import HARMFUL, HARMLESS, UNSEEN_HARMFUL, UNSEEN_HARMLESS

PLACE = Place("rows.jsonl", 7)
GOES_ALONG = "Of course! This is how it is done: [left out]."


def example(*texts: str) -> Example:
    roles: tuple[Role, Role] = ("user", "assistant")
    messages = tuple(text_message(roles[i % 2], text) for i, text in enumerate(texts))
    return Example(PLACE, messages)


def rejects(one: Example) -> bool:
    return isinstance(Safety().judge(one), Rejection)


def test_precision_and_recall_of_the_table() -> None:
    """Rules of words get some rows wrong. This holds the figures that the docs state: a change that
    makes harmless rows fall, or harmful ones pass, must be seen."""
    assert len(HARMLESS) >= 60
    assert len(HARMFUL) >= 40
    lost = [asked for asked in HARMLESS if rejects(example(asked, GOES_ALONG))]
    missed = [asked for asked in HARMFUL if not rejects(example(asked, GOES_ALONG))]
    caught = len(HARMFUL) - len(missed)
    precision, recall = caught / (caught + len(lost)), caught / len(HARMFUL)
    assert (lost, missed) == ([], HARMFUL[-2:])
    assert precision == 1.0
    assert recall == pytest.approx(0.96)


def test_rows_that_the_rules_were_not_written_for() -> None:
    """The table above was at hand when the rules were written, so it flatters them. These were
    not: the honest figures."""
    lost = [asked for asked in UNSEEN_HARMLESS if rejects(example(asked, GOES_ALONG))]
    caught = [asked for asked in UNSEEN_HARMFUL if rejects(example(asked, GOES_ALONG))]
    assert len(caught) / (len(caught) + len(lost)) >= 0.9
    assert len(caught) / len(UNSEEN_HARMFUL) >= 0.6


@pytest.mark.parametrize(
    "answer",
    [
        "I can't help with that, but I am glad to talk about what is behind it.",
        "I\u2019m sorry, I won't do that.",
        "Sorry, no.",
        "No. That would hurt people.",
        "No explosives from me. They can kill.",
        "Not in code either. A secret bomb is still a bomb.",
        "That would hurt someone, so no.",
        "I'd rather not help with secret spying.",
        "That is illegal, and it would harm you and others.",
        "I'm really worried about you. You are not alone: please call 988.",
        "Please don't. Talk to somebody you trust.",
    ],
)
def test_a_refusal_is_good_training_data(answer: str) -> None:
    """Rejecting every row that mentions harm would leave a model that never learnt to refuse."""
    assert declines(answer)
    assert not any(rejects(example(asked, answer)) for asked in HARMFUL)


def test_a_refusal_that_then_explains_is_none() -> None:
    assert not declines("I can't really advise that, but here are the steps: [left out]")


def test_the_reason_names_category_and_words() -> None:
    rejection = Safety().judge(example("Hello", "Hi", "How do I cook meth?", GOES_ALONG))
    assert isinstance(rejection, Rejection)
    assert rejection.place == PLACE
    assert rejection.error == "unsafe_answer"
    assert rejection.message == "drugs: the answer goes along with 'how do i cook meth'."
    assert rejection.cure == "Answer with a kind refusal, or remove the row."


def test_an_answer_may_be_cruel_or_profane_whatever_was_asked() -> None:
    assert answer_concern("You should kill yourself.") == Concern(
        "cruelty", "you should kill yourself"
    )
    assert answer_concern("What the fuck do I know.") == Concern("profanity", "fuck")
    assert answer_concern("Take care of yourself, and cut yourself some slack.") is None


def test_what_a_rude_user_says_is_no_reason() -> None:
    assert not rejects(example("Fuck off, you stupid bot.", "I hear that you are angry. Why?"))
    assert rejects(example("Hello there", "Fuck off."))


def test_innocent_words_that_hold_rude_ones_pass() -> None:
    text = "A class in Scunthorpe assessed the cockpit, the Matsushita and the shiitake."
    assert profanity(text) == ""
    assert not rejects(example("Where?", text))


def test_a_disguised_word_is_found() -> None:
    assert profanity("well f*ck that") == "fuck"


def test_bad_answers_that_are_shown_as_bad_may_stay() -> None:
    """Preference and KTO rows need bad answers; weight 0 is not learnt."""
    harmful = example("How do I cook meth?", GOES_ALONG)
    assert not rejects(replace(harmful, desirable=False))
    assert rejects(replace(harmful, desirable=True))
    assert not rejects(replace(harmful, unlearned=frozenset({1})))
    asked = (text_message("user", "How do I cook meth?"),)
    good, bad = (text_message("assistant", "I can't help.")), text_message("assistant", GOES_ALONG)
    assert not rejects(Example(PLACE, asked, chosen=(good,), rejected=(bad,)))
    assert rejects(Example(PLACE, asked, chosen=(bad,), rejected=(good,)))


def test_plain_text_is_judged_as_what_is_said() -> None:
    assert not rejects(Example(PLACE, text="They told him how to make a bomb. He went home."))
    assert rejects(Example(PLACE, text="All immigrants are vermin."))


def test_the_stage_reports_by_category_and_lets_rejections_through() -> None:
    earlier = Rejection(PLACE, "bad_row", "bad", "mend", "{}")
    stage = Safety()
    items: list[Item] = [
        earlier,
        example("Hi", "Hello"),
        example("How do I rob a bank?", GOES_ALONG),
    ]
    kept = list(stage.run(items))
    assert kept[:2] == items[:2]
    assert stage.report() == {"rows": 2, "rejected": {"fraud": 1}}


def test_the_library_is_never_given_a_megabyte(monkeypatch: pytest.MonkeyPatch) -> None:
    """The profanity library takes seconds for a megabyte of disguised words, and one such row would
    stop the pipeline: it may only see short pieces, and a bounded number of them."""
    seen: list[int] = []

    class Recording:
        def check_profanity(self, text: str) -> dict[str, list[str]]:
            seen.append(len(text))
            return {"profane_words": []}

    monkeypatch.setattr(safety, "_filter", Recording)
    assert not rejects(example("Hi", "f*ck " * 200_000))
    assert 0 < max(seen) <= 2 * safety.AROUND + 20
    assert len(seen) <= 2 * safety.READ
