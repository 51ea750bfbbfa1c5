"""Log probabilities go with the text that they are of."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from miniclaude.engine.request import ChosenToken, Output, TokenInfo
from miniclaude.engine.telling import Telling
from tests.engine.tiny import ask, finishes, run, texts, tiny_engine

PRINTABLE = dict.fromkeys(range(32, 127), 50.0)


def told(outputs: list[Output]) -> bytes:
    """The tokens whose log probabilities are told, as text: one for each byte."""
    return b"".join(entry.chosen.token_bytes for o in outputs for entry in o.logprobs)


@pytest.mark.parametrize("length", [1, 3])
def test_what_a_stop_string_cut_off_is_not_told(length: int) -> None:
    """The tokens of the stop string itself used to be told, behind the end of the text."""
    settings = {"logit_bias": PRINTABLE, "max_tokens": 24, "logprobs": 0}
    engine = tiny_engine("llama")
    whole = run(engine, ask("a", "hello", **settings))
    text = texts(whole)["a", 0]
    assert told(whole) == text.encode()
    stop = text[10 : 10 + length]
    cut = run(engine, ask("a", "hello", stop=(stop,), **settings))
    shown = text[: text.index(stop)]
    assert texts(cut) == {("a", 0): shown}
    assert finishes(cut) == {("a", 0): "stop"}
    assert told(cut) == shown.encode()
    assert cut[-1].completion_tokens == len(shown) + length, "the count is of what was written"


def test_what_was_held_back_for_a_stop_string_is_told_with_its_text() -> None:
    """A token each, so that a reader of the answer knows which of them belongs to what."""
    settings = {"logit_bias": PRINTABLE, "max_tokens": 24, "logprobs": 0}
    engine = tiny_engine("llama")
    text = texts(run(engine, ask("a", "hello", **settings)))["a", 0]
    never = text[10:13] + "\n"
    outputs = run(engine, ask("a", "hello", stop=(never, text[-2:] + "\n"), **settings))
    assert texts(outputs) == {("a", 0): text}
    for output in outputs:
        assert output.text.encode() == told([output])
    assert told(outputs) == text.encode()


def test_halves_of_a_character_are_told_with_it() -> None:
    """And those of one that was never completed at the end."""
    settings = {"logit_bias": {0xE2: 100.0}, "max_tokens": 3, "logprobs": 0}
    outputs = run(tiny_engine(), ask("a", "hello", **settings))
    assert told(outputs) == b"\xe2" * 3
    settings["stop"] = ("\ufffd",)
    outputs = run(tiny_engine(), ask("a", "hello", **settings))
    assert (texts(outputs), told(outputs)) == ({("a", 0): ""}, b"")


def test_a_token_that_a_stop_string_cuts_in_two_is_told() -> None:
    """Some of it is in the text."""
    tokens = [ChosenToken(TokenInfo(n, b"", -1.0)) for n in range(3)]
    telling = Telling()
    telling.add(0, tokens[0])  # "so it", of which the stop string is "t is"
    assert telling.parts("so i", rest=False) == [("so i", (tokens[0],))]
    telling.add(5, tokens[1])
    telling.add(5, tokens[2])
    assert telling.parts("", rest=False) == [("", ())]
    assert telling.parts("t i", rest=False) == [("t", ()), (" i", (tokens[1], tokens[2]))]


@pytest.mark.parametrize("failing", ["scores", "pass", "cancelled"])
def test_what_is_held_back_for_a_stop_string_is_told_when_an_answer_breaks_off(
    failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last letters could still become the stop string when the model failed: no more will come,
    so they are text, written and counted, and must not be lost."""
    engine = tiny_engine(draft_tokens=0)
    engine.submit(ask("a", "x", stop=("aaab",), logit_bias={97: 100.0}, logprobs=1))
    outputs = [output for _ in range(5) for output in engine.step()]
    assert texts(outputs) == {("a", 0): "aa"}

    def fail(hidden: Tensor) -> Tensor:
        if failing == "pass":
            raise RuntimeError("out of memory")
        return torch.full((len(hidden), 260), torch.nan)

    if failing == "cancelled":
        engine.cancel("a")
    monkeypatch.setattr(engine.model.head, "forward", fail)
    outputs += engine.step()
    end = "cancelled" if failing == "cancelled" else "error"
    assert (texts(outputs), finishes(outputs)) == ({("a", 0): "aaaaa"}, {("a", 0): end})
    assert outputs[-1].completion_tokens == sum(len(output.logprobs) for output in outputs) == 5
