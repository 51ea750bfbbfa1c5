"""Reading a prompt against the plain truth: the whole of it at once, without a cache."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from miniclaude.engine.request import GenerationRequest, Output, Reading, Sampling
from miniclaude.engine.sampling import sample
from miniclaude.errors import InvalidRequestError
from tests.engine.tiny import ask, run, tiny_engine, tiny_model

PROMPTS = ["a", "Hello, how are you today?", "The quick brown fox jumps over the lazy dog. Again!"]
FAMILIES = ["gpt2", "llama"]


def read(name: str, prompt: str, *, max_tokens: int = 0, n: int = 1, **what: Any) -> Any:
    request = ask(name, prompt, max_tokens=max(max_tokens, 1), n=n)
    sampling = replace(request.sampling, max_tokens=max_tokens)
    return replace(request, sampling=sampling, reading=Reading(**what))


@torch.inference_mode()
def states(family: str, prompt: str) -> torch.Tensor:
    return tiny_model(family).hidden(torch.tensor([list(prompt.encode())]))[0]


def embedding(outputs: list[Output], name: str) -> torch.Tensor:
    [found] = [o.embedding for o in outputs if o.id == name and o.embedding]
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("step_tokens", [5, 64])
def test_an_embedding_is_the_mean_of_the_last_states_however_they_are_read(
    family: str, step_tokens: int
) -> None:
    """In chunks, beside others that are read and one that is written."""
    engine = tiny_engine(family, step_tokens=step_tokens, max_running=5)
    requests = [read(str(n), prompt, embedding=True) for n, prompt in enumerate(PROMPTS)]
    outputs = run(engine, ask("talk", "hello"), *requests)
    for number, prompt in enumerate(PROMPTS):
        mean = states(family, prompt).double().mean(dim=0)
        expected = mean / mean.norm()
        torch.testing.assert_close(embedding(outputs, str(number)), expected, atol=1e-6, rtol=1e-5)
        [end] = [o for o in outputs if o.id == str(number) and o.finish]
        assert (end.finish, end.completion_tokens) == ("length", 0)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("step_tokens", [5, 64])
def test_a_prompts_logprobs_are_the_log_softmax_of_the_scores_before_each_token(
    family: str, step_tokens: int
) -> None:
    engine = tiny_engine(family, step_tokens=step_tokens, max_running=5)
    requests = [read(str(n), prompt, logprobs=2) for n, prompt in enumerate(PROMPTS)]
    outputs = run(engine, *requests)
    model = tiny_model(family)
    for number, prompt in enumerate(PROMPTS):
        ids = list(prompt.encode())
        with torch.inference_mode():
            expected = model(torch.tensor([ids]))[0].log_softmax(-1)
        told = [e for o in outputs if o.id == str(number) for e in o.prompt_logprobs]
        assert [entry.chosen.id for entry in told] == ids[1:]
        for place, entry in enumerate(told):
            row = expected[place]
            assert entry.chosen.logprob == pytest.approx(float(row[ids[place + 1]]), abs=1e-4)
            top = row.topk(2)
            assert [t.logprob for t in entry.top] == pytest.approx(top.values.tolist(), abs=1e-4)


def test_a_prompt_may_be_read_and_continued_at_once() -> None:
    """The answers are those of a prompt that nobody reads; the prompt is told once for all."""
    engine = tiny_engine()
    plain = {o.index: "" for o in run(tiny_engine(), ask("a", "hello", max_tokens=4, n=2))}
    for output in run(tiny_engine(), ask("a", "hello", max_tokens=4, n=2)):
        plain[output.index] += output.text
    outputs = run(engine, read("a", "hello", max_tokens=4, n=2, logprobs=0))
    texts = dict.fromkeys(plain, "")
    for output in outputs:
        texts[output.index] += output.text
    assert texts == plain
    assert sum(len(o.prompt_logprobs) for o in outputs) == len("hello") - 1
    assert all(not o.prompt_logprobs for o in outputs if o.index)


def test_a_prompt_of_the_whole_context_can_be_read() -> None:
    """Nothing is written, so no room is left for it."""
    outputs = run(tiny_engine(), read("a", "x" * 96, embedding=True))
    assert outputs[-1].finish == "length"


def test_a_chunk_that_is_tried_again_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a step fails, each of its chunks is computed anew, alone."""
    failures = [1]

    def failing_once(*arguments: Any) -> Any:
        if failures:
            failures.pop()
            raise RuntimeError("out of memory")
        return sample(*arguments)

    monkeypatch.setattr("miniclaude.engine.engine.sample", failing_once)
    outputs = run(
        tiny_engine(), read("a", "hello", embedding=True), read("b", "other", embedding=True)
    )
    for name, prompt in (("a", "hello"), ("b", "other")):
        mean = states("gpt2", prompt).double().mean(dim=0)
        torch.testing.assert_close(
            embedding(outputs, name), mean / mean.norm(), atol=1e-6, rtol=1e-5
        )


def test_a_broken_model_is_an_error_and_no_number() -> None:
    engine = tiny_engine()
    norm = engine.adapters.model.norm.get_parameter("weight")
    torch.nn.init.constant_(norm, float("nan"))
    for what in ({"embedding": True}, {"logprobs": 1}):
        [output] = run(engine, read("a", "hello", **what))
        assert output.finish == "error"
        assert "not numbers" in (output.error or "")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (read("a", "x", logprobs=21), "logprobs is 21"),
        (GenerationRequest("a", (1,) * 20_000, Sampling(0), reading=Reading(logprobs=20)), "told"),
        (GenerationRequest("a", (1,), Sampling(0)), "max_tokens is 0"),
        (read("a", "", embedding=True), "prompt is empty"),
    ],
)
def test_what_is_too_much_is_refused_in_words(request_: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        tiny_engine().submit(request_)
