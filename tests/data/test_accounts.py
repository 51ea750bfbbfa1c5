"""What the report counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from miniclaude.data.accounts import (
    FACTOR,
    START,
    Leakage,
    RejectionCounts,
    keys_of,
    prompt_key,
)
from miniclaude.data.example import Place
from miniclaude.data.rejection import Rejection
from tests.data.rows import said


def test_rejections_by_name_the_commonest_first_with_the_first_few() -> None:
    counts = RejectionCounts()
    for n in range(5):
        counts.add(Rejection(Place("x", n + 1), "often", "No.", "Mend.", "r" * 900))
    counts.add(Rejection(Place("x", 9), "once", "No.", "Mend it.", ""))
    found = counts.as_dict()
    assert list(found) == ["often", "once"]
    often = found["often"]
    assert isinstance(often, dict)
    assert often["count"] == 5
    assert [one["place"] for one in often["first"]] == ["x, line 1", "x, line 2", "x, line 3"]
    assert len(often["first"][0]["row"]) == 200


def test_the_same_question_in_both_splits_is_leakage() -> None:
    """Seen through spaces and capitals; the answers do not matter."""
    leakage = Leakage()
    leakage.add("validation", prompt_key(said("Where is  Lima?", "In Peru.")))
    leakage.add("train", prompt_key(said("where is lima?", "Peru, of course.")))
    leakage.add("train", prompt_key(said("Where is Rome?", "In Italy.")))
    assert leakage.shared == 1


def slow_key(prompt: str) -> int:
    """The reference of `keys_of`: of the words in lower case."""
    key = int(START)
    for byte in " ".join(prompt.lower().split()).encode("utf-8", "surrogatepass"):
        key = (key ^ byte) * int(FACTOR) % (1 << 64)
        key ^= key >> 32
    return key >> 1


@given(st.lists(st.text(st.sampled_from("aAbZ.1 \t\n\x1c\x85\u00a0\u00c9\u212a\u0130\ud800"))))
def test_keys_are_those_of_the_words_in_lower_case(prompts: list[str]) -> None:
    """Whatever stands before and behind them, and beyond ASCII, too."""
    assert keys_of(prompts) == [slow_key(prompt) for prompt in prompts]
