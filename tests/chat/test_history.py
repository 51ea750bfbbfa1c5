"""What of a branch is sent, and what is dropped first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from miniclaude.chat.history import (
    branch_messages,
    estimate_tokens,
    fit,
    join_neighbours,
    size,
)
from miniclaude.messages import Message, Role, text_message
from miniclaude.store.messages import Status, StoredMessage


def stored(role: Role, content: str, status: Status = "complete") -> StoredMessage:
    return StoredMessage("0" * 32, "0" * 32, None, role, content, status, None, 0.0)


def said(messages: tuple[Message, ...] | list[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in messages]


def one_each(_text: str) -> int:
    """Count as if each message took 10 tokens (2, and 8 for its frame)."""
    return 2


def talk(exchanges: int) -> list[Message]:
    return [
        text_message(role, f"{role} {number}")
        for number in range(exchanges)
        for role in ("user", "assistant")
    ][:-1]


def test_partial_answers_are_sent_and_empty_ones_are_not() -> None:
    """Two user messages in a row break the templates that want them to take turns."""
    branch = [
        stored("user", "one"),
        stored("assistant", "", "error"),
        stored("user", "two"),
        stored("assistant", "part", "cancelled"),
        stored("user", "three"),
    ]
    assert said(join_neighbours(branch_messages(branch))) == [
        ("user", "one\n\ntwo"),
        ("assistant", "part"),
        ("user", "three"),
    ]


def test_the_system_instruction_comes_first() -> None:
    branch = [stored("user", "hi")]
    assert said(branch_messages(branch, "Be brief.")) == [("system", "Be brief."), ("user", "hi")]
    branch.insert(0, stored("system", "Be kind."))
    joined = join_neighbours(branch_messages(branch, "Be brief."))
    assert said(joined)[0] == ("system", "Be brief.\n\nBe kind.")


def test_a_question_too_long_to_be_answered_does_not_spoil_the_next() -> None:
    """Its answer failed, so the next question is its neighbour; joined to that before cutting, it
    would make every later turn of the conversation fail too."""
    branch = [
        stored("user", "word " * 2000),
        stored("assistant", "", "error"),
        stored("user", "short"),
    ]
    kept = join_neighbours(fit(branch_messages(branch, "Be brief."), 100))
    assert said(kept) == [("system", "Be brief."), ("user", "short")]


def test_the_oldest_exchanges_go_first_and_whole() -> None:
    messages = talk(4)
    assert fit(messages, 70, one_each) == tuple(messages)
    for budget in (50, 69):
        assert fit(messages, budget, one_each) == tuple(messages[2:])
    assert fit(messages, 30, one_each) == tuple(messages[4:])
    assert fit(messages, 10, one_each) == tuple(messages[6:])


def test_system_and_last_question_stay_however_long() -> None:
    system = text_message("system", "Be brief.")
    messages = [system, *talk(3)]
    assert fit(messages, 0, one_each) == (system, messages[-1])
    assert fit([], 0) == ()


@given(st.lists(st.sampled_from(["user", "assistant", "system"])), st.integers(-10, 200))
def test_what_is_kept_fits_is_recent_and_begins_with_a_question(
    roles: list[Role], budget: int
) -> None:
    messages = [text_message(role, str(number)) for number, role in enumerate(roles)]
    kept = fit(messages, budget, one_each)
    rest = [m for m in kept if m.role != "system"]
    last_user = max((n for n, m in enumerate(messages) if m.role == "user"), default=0)
    assert [m for m in messages if m in kept] == list(kept)
    assert [m for m in kept if m.role == "system"] == [m for m in messages if m.role == "system"]
    assert not any(role == "user" for role in roles) or rest[0].role == "user"
    assert rest == [m for m in messages if m.role != "system"][-len(rest) :] or not rest
    needed = [m for n, m in enumerate(messages) if n >= last_user or m.role == "system"]
    assert size(kept, one_each) <= max(budget, size(needed, one_each))


def test_the_estimate_errs_on_the_long_side_for_english() -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 10
    assert estimate_tokens(text) > len(text) / 4
    assert estimate_tokens("日本語") >= 3
    assert estimate_tokens("") == 1
