"""The speaker that is measured says what the server says, and the same every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from miniclaude.data.example import Example, Place
from miniclaude.errors import InvalidRequestError
from miniclaude.evaluation.conduct import quiet
from miniclaude.evaluation.held_out import hold_out
from miniclaude.evaluation.likelihood import conversation_documents, score
from miniclaude.evaluation.perplexity import score as score_tensors
from miniclaude.evaluation.speaking import Asked
from miniclaude.messages import ToolCall, text_message
from miniclaude.model.checkpoint import load_model
from miniclaude.model.library import Library
from miniclaude.providers.local import Local
from miniclaude.providers.local_batch import LocalBatch, _Written
from miniclaude.providers.tool_answers import CallReader
from miniclaude.tokenizer.tool_format import PLAIN
from miniclaude.tools.calculator import CALCULATOR
from tests.providers.test_local import all_of, chat, text_of
from tests.tiny_adapter import write_tiny_adapter
from tests.tiny_checkpoint import write_tiny_checkpoint

QUESTIONS = ["hi", "the cat sat", "hello, how are you today?", "sat on the mat " * 4]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("batch")
    write_tiny_checkpoint(folder / "models" / "tiny", context=1024)
    return folder


def library(home: Path) -> Library:
    return Library(home / "models", None, home / "adapters")


def speaker(home: Path, name: str = "tiny", **options: str) -> LocalBatch:
    return LocalBatch(library(home).find(name), device="cpu", threads=1, **options)


def asked(text: str, max_tokens: int = 8, seed: int | None = None) -> Asked:
    return Asked((text_message("user", text),), max_tokens, seed=seed)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["base", "lora", "dora"])
async def test_it_says_what_the_server_says(home: Path, kind: str) -> None:
    name = "tiny"
    if kind != "base":
        base = home / "models" / "tiny"
        name = write_tiny_adapter(base, home / "adapters", suffix=kind, dora=kind == "dora")
    served = Local(library(home), device="cpu", threads=1)
    try:
        said = [
            text_of(await all_of(chat(served, name, question, temperature=0.0, max_tokens=8)))
            for question in QUESTIONS
        ]
    finally:
        await served.aclose()
    batch = speaker(home, name)
    replies = batch.replies([asked(question) for question in QUESTIONS], quiet)
    assert [reply.text for reply in replies] == said
    assert batch.facts.name == name


def test_the_same_requests_get_the_same_answers(home: Path) -> None:
    # Also the drawn ones, and also after others have left their texts in the cache.
    batch = speaker(home)
    wanted = [asked(one, seed=place) for place, one in enumerate(QUESTIONS * 10)]
    first = batch.replies(wanted, quiet)
    batch.replies([asked("something else")], quiet)
    assert batch.replies(wanted, quiet) == first
    assert speaker(home).replies(wanted, quiet) == first
    assert len({reply.text for reply in first}) > 4


def test_a_prompt_that_does_not_fit_is_a_problem_of_its_own(home: Path) -> None:
    told: list[None] = []
    long, short = speaker(home).replies(
        [asked("hello " * 2000), asked("hi")], lambda: told.append(None)
    )
    assert "the model's context is 1024" in long.problem
    assert (long.text, long.ended) == ("", False)
    assert short.text
    assert not short.problem
    assert len(told) == 2


def test_tools_are_offered_and_the_answer_read(home: Path) -> None:
    one = Asked((text_message("user", "hi"),), 4, (CALCULATOR,))
    [reply] = speaker(home).replies([one], quiet)
    assert not reply.problem
    assert reply.calls == ()


def test_a_call_is_read_and_a_cut_one_is_none() -> None:
    text = f'One moment.\n{PLAIN.before}calculator{PLAIN.between}{{"expression": "1+1"}}'
    whole, cut = _Written(CallReader(0, PLAIN)), _Written(CallReader(0, PLAIN))
    for piece in (text[:30], text[30:], PLAIN.after):
        whole.add(piece)
    whole.end("stop")
    cut.add(text[:-4])
    cut.end("length")
    assert whole.reply().calls == (ToolCall("call_0", "calculator", '{"expression": "1+1"}'),)
    assert whole.reply().text == "One moment."
    assert cut.reply().calls == ()
    assert not cut.reply().ended


def test_likelihoods_are_those_of_the_model_itself(home: Path) -> None:
    batch = speaker(home)
    talks = [
        (text_message("user", "hi"), text_message("assistant", "the cat sat on the mat")),
        (text_message("user", "hello"), text_message("assistant", "how are you today?")),
    ]
    found = score(conversation_documents(talks, batch), batch)
    rows = [Example(Place("test", 1), talk) for talk in talks]
    model = load_model(home / "models" / "tiny").eval()
    exact = score_tensors(model, hold_out(rows, batch.tokenizer, 1024).documents)
    assert (found.tokens, found.size) == (exact.tokens, exact.size)
    assert found.nats == pytest.approx(exact.nats, rel=1e-5)


def test_a_model_that_cannot_chat_is_refused(tmp_path: Path) -> None:
    write_tiny_checkpoint(tmp_path / "models" / "plain", template=None, chat_tokens=False)
    with pytest.raises(InvalidRequestError) as caught:
        speaker(tmp_path, "plain")
    assert str(caught.value) == (
        "model: 'plain' has no chat template, so it cannot chat. Choose a model that was tuned to"
        " chat."
    )


def test_int8_weights_are_measured_as_they_serve(home: Path) -> None:
    batch = speaker(home, dtype="int8")
    assert batch.facts.dtype == "int8"
    [reply] = batch.replies([asked("hi")], quiet)
    assert reply.text
